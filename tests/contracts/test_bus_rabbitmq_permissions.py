"""A login of RabbitMQ for each kind of process: its own work goes on, and nothing else does."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared import amqp_permissions, bus_kombu
from shared.bus import Bus
from shared.bus_kombu import KombuBus
from shared.events import decode
from tests.bus_fixtures import Broker
from tests.contracts.buses import Place, drain, one, requested

KINDS = amqp_permissions.of_kinds("contract")
OPERATIONS = Path(__file__).parents[2] / "docs" / "permissions.md"


@pytest.fixture(scope="module")
def logins(rabbitmq_broker: Broker) -> None:
    rabbitmq_broker.users(**KINDS)


@pytest.fixture
def opened(rabbitmq_url: str, logins: None) -> Iterator[Callable[[str], Bus]]:
    """`opened(login)` is the bus as that login sees it; its queues are empty."""
    Place("rabbitmq", rabbitmq_url + "?prefix=contract").provision()
    buses: list[KombuBus] = []

    def of(login: str) -> KombuBus:
        url = rabbitmq_url.replace("//toolyard:", f"//{login}:")
        buses.append(KombuBus(url, "contract", visibility_seconds=2))
        return buses[-1]

    yield of
    for bus in buses:
        bus.close()


def test_each_does_its_own_work(opened: Callable[[str], Bus]) -> None:
    utility, runner = opened("utility"), opened("runner")
    sent = [requested(f"run_{n}") for n in range(3)]
    utility.publish_all(sent)

    assert runner.depth("runner") == 3
    one(runner, "runner").nack(0)
    one(runner, "runner").nack(1)
    one(runner, "runner").reject()
    left = drain(runner, "runner", 2)

    operator = opened("toolyard")
    dead = [decode(letter.body) for letter in operator.dead_letters("runner")]
    assert sorted(e.event_id for e in [*left, *dead]) == sorted(e.event_id for e in sent)


@pytest.mark.parametrize(
    "forbidden",
    [
        pytest.param(lambda bus: bus.publish(requested()), id="announce"),
        pytest.param(lambda bus: bus.receive("builder", 1, 1), id="read another's queue"),
        pytest.param(lambda bus: bus.receive("builder", 1, 0), id="get from another's queue"),
        pytest.param(lambda bus: bus.dead_letters("runner"), id="read dead letters"),
        pytest.param(
            lambda bus: bus_kombu.provision(f"{bus.inlet._url}?prefix=elsewhere"), id="make queues"
        ),
    ],
)
def test_a_runner_does_nothing_else(
    forbidden: Callable[[Bus], object], opened: Callable[[str], Bus]
) -> None:
    with pytest.raises(Exception, match="ACCESS_REFUSED"):
        forbidden(opened("runner"))


def test_utility_reads_no_workers_queue(opened: Callable[[str], Bus]) -> None:
    with pytest.raises(Exception, match="ACCESS_REFUSED"):
        opened("utility").receive("runner", 1, 1)


def test_the_operator_is_told_the_same() -> None:
    told = OPERATIONS.read_text()
    for name, each in amqp_permissions.of_kinds("toolyard").items():
        line = f"set_permissions -p VHOST {name} '{each.configure}' '{each.write}' '{each.read}'"
        assert line in told, line

"""The database and the broker away under load, one after the other, for longer than a lease lasts."""

import pytest

from chaos import outages
from tests.faults.conftest import SECONDS, Together

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(int(SECONDS) + 600)]


@pytest.mark.parametrize("name", ["database", "broker"])
def test_nothing_is_stopped_or_lost_while_a_server_is_away(name: str, together: Together) -> None:
    gate = {"database": together.database, "broker": together.broker}[name]
    assert together.broken_by(name, lambda: outages.shut(gate)) == []

"""The worker API's client against a real HTTP server."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.control import (
    Control,
    Lost,
    Refused,
    Unavailable,
    WrongOffset,
    through_outages,
)
from shared.plan import Network
from shared.work import Lease, Limits, RunAssignment, RunReport, UploadObject
from tests.runner_service.small_server import Answer, Asked, SmallServer, answer_error, answer_json

LEASE = Lease(
    id="run_1",
    fence=3,
    attempt="att_1",
    token="tok_1",
    lease_seconds=45,
    heartbeat_seconds=10,
    account="acc_1",
)
REPORT = RunReport(fence=3, state="succeeded", exit_code=0)

Serve = Callable[[Callable[[Asked], Answer]], tuple[Control, SmallServer]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    opened: list[Control | SmallServer] = []

    def start(answer: Callable[[Asked], Answer]) -> tuple[Control, SmallServer]:
        server = SmallServer(answer)
        control = Control(server.url, "worker-token", "host:boot", timeout=5)
        opened.extend((control, server))
        return control, server

    yield start
    for thing in opened:
        thing.close()


def test_a_claim_gives_the_assignment_and_names_the_worker(serve: Serve) -> None:
    given = RunAssignment(
        **LEASE.model_dump(),
        prefix="runs/run_1/att_1/",
        image="sha256:1",
        argv=["cat"],
        network=Network(),
        limits=Limits(),
    )
    control, server = serve(lambda _: answer_json(given.model_dump(mode="json")))

    assert control.claim("run", "run_1") == given

    asked = server.asked[0]
    assert asked.path == "/api/v1/worker/claims"
    assert asked.headers["Authorization"] == "Bearer worker-token"
    assert asked.json() == {"kind": "run", "id": "run_1", "worker": "host:boot"}


def test_nothing_to_claim_is_none(serve: Serve) -> None:
    control, _ = serve(lambda _: Answer(204))
    assert control.claim("run", "run_1") is None


def test_calls_under_a_lease_carry_its_token_and_fence(serve: Serve) -> None:
    control, server = serve(lambda _: answer_json({"directive": "cancel"}))

    assert control.heartbeat("run", LEASE).directive == "cancel"

    assert server.asked[0].headers["Authorization"] == "Bearer tok_1"
    assert server.asked[0].json() == {"fence": 3}


@pytest.mark.parametrize(
    "answer", [answer_error(409, "lost"), answer_error(401, "token"), answer_error(404, "gone")]
)
def test_a_stale_lease_is_lost(serve: Serve, answer: Answer) -> None:
    control, _ = serve(lambda _: answer)
    with pytest.raises(Lost):
        control.finish("run", LEASE, REPORT)
    assert control.heartbeat("run", LEASE).directive == "lost"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, headers={"Retry-After": "7"}),
        answer_error(429, "slow_down"),
        Answer(404, b"<html>no backend</html>"),
        Answer(200, b"<html>welcome to the hotel's network</html>"),
    ],
)
def test_no_answer_of_the_worker_api_is_unavailable(serve: Serve, answer: Answer) -> None:
    control, _ = serve(lambda _: answer)
    with pytest.raises(Unavailable):
        control.heartbeat("run", LEASE)


def test_a_server_that_is_gone_is_unavailable(serve: Serve) -> None:
    control, server = serve(lambda _: Answer(204))
    control.phase("run", LEASE, "running")
    server.close()
    with pytest.raises(Unavailable):
        control.phase("run", LEASE, "running")


def test_retry_after_is_told(serve: Serve) -> None:
    control, _ = serve(lambda _: Answer(503, headers={"Retry-After": "7"}))
    with pytest.raises(Unavailable) as told:
        control.phase("run", LEASE, "running")
    assert told.value.retry_after == 7.0


def test_a_gap_in_a_log_tells_the_offset(serve: Serve) -> None:
    control, _ = serve(lambda _: answer_error(409, "offset", next=12))
    with pytest.raises(WrongOffset) as told:
        control.log("run", LEASE, "stdout", 20, b"late")
    assert told.value.next == 12


def test_log_bytes_go_out_as_they_are(serve: Serve) -> None:
    control, server = serve(lambda _: answer_json({"next": 4}))

    assert control.log("run", LEASE, "stderr", 0, b"\x00\xff\r\n") == 4

    assert server.asked[0].body == b"\x00\xff\r\n"
    assert server.asked[0].path == "/api/v1/worker/runs/run_1/log?fence=3&stream=stderr&offset=0"


def test_upload_targets_are_asked_for_in_parts(serve: Serve) -> None:
    def answer(asked: Asked) -> Answer:
        names = [o["name"] for o in asked.json()["objects"]]
        return answer_json(
            {"urls": {n: f"u{n}" for n in names}, "keys": {n: f"k{n}" for n in names}}
        )

    control, server = serve(answer)
    wanted = [UploadObject(name=f"o/{n}", size=1, sha256="0" * 64) for n in range(1001)]

    targets = control.uploads("run", LEASE, wanted)

    assert len(targets.urls) == len(targets.keys) == 1001
    assert len(server.asked) == 2


def test_a_file_goes_up_and_comes_down_byte_exact(serve: Serve, tmp_path: Path) -> None:
    stored: list[bytes] = []

    def answer(asked: Asked) -> Answer:
        if asked.method == "PUT":
            stored.append(asked.body)
            return Answer(204)
        return Answer(200, stored[0])

    control, server = serve(answer)
    data = bytes(range(256)) * 4000
    (tmp_path / "a").write_bytes(data)

    control.put(server.url + "/objects/x", tmp_path / "a")
    digest = control.get(server.url + "/objects/x", tmp_path / "b")

    assert (tmp_path / "b").read_bytes() == data
    assert digest == hashlib.sha256(data).hexdigest()
    assert "Authorization" not in server.asked[0].headers
    assert server.asked[0].headers["Content-Length"] == str(len(data))


def test_a_download_stops_at_its_limit(serve: Serve, tmp_path: Path) -> None:
    control, server = serve(lambda _: Answer(200, b"x" * 1001))
    with pytest.raises(Refused):
        control.get(server.url + "/objects/x", tmp_path / "b", max_bytes=1000)


def test_an_expired_url_is_refused(serve: Serve, tmp_path: Path) -> None:
    control, server = serve(lambda _: answer_error(403, "expired"))
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(Refused) as told:
        control.put(server.url + "/objects/x", tmp_path / "a")
    assert (told.value.status, told.value.code) == (403, "expired")


def test_connections_are_used_again(serve: Serve) -> None:
    control, server = serve(lambda _: Answer(204))
    for _ in range(5):
        control.phase("run", LEASE, "running")
    assert server.connections == 1


def test_an_outage_is_waited_out(serve: Serve) -> None:
    answers = iter([Answer(503), Answer(503), answer_json({"directive": "continue"})])
    control, _ = serve(lambda _: next(answers))

    directive = through_outages(lambda: control.heartbeat("run", LEASE))

    assert directive.directive == "continue"


def test_waiting_out_an_outage_ends_when_told(serve: Serve) -> None:
    control, _ = serve(lambda _: Answer(503))
    stop = threading.Event()
    stop.set()
    with pytest.raises(Unavailable):
        through_outages(lambda: control.heartbeat("run", LEASE), stop=stop)

"""The command line's API client: a create happens once, a stream has no gap, errors are sentences."""

import json
from collections.abc import Callable

import httpx
import pytest

from cli.api import Api, StreamEvent, parse
from cli.failures import Failure
from cli.follow import to_the_end
from cli.settings import Account

Handler = Callable[[httpx.Request], httpx.Response]


def api(handler: Handler, *, patience: float = 5, url: str = "http://there.example") -> Api:
    transport = httpx.MockTransport(handler)
    return Api(Account(url, "secret"), patience=patience, transport=transport)


def test_a_create_that_is_tried_again_carries_the_same_key() -> None:
    keys = []

    def handler(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx.ReadError("the connection broke before the answer")
        return httpx.Response(503 if len(keys) == 2 else 201, json={"id": "run_1"})

    with api(handler) as platform:
        made = platform.create("/api/v1/runs", {"tool": "x"})

    assert made == {"id": "run_1"}
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_two_creates_carry_two_keys() -> None:
    keys = set()

    def handler(request: httpx.Request) -> httpx.Response:
        keys.add(request.headers["Idempotency-Key"])
        return httpx.Response(201, json={})

    with api(handler) as platform:
        platform.create("/a", {})
        platform.create("/a", {})

    assert len(keys) == 2


def test_nobody_listening_here_is_told_at_once_and_how_to_start() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with (
        api(handler, patience=60, url="http://127.0.0.1:1") as platform,
        pytest.raises(Failure, match=r"does not answer at http://127\.0\.0\.1:1; start it with"),
    ):
        platform.get("/api/v1/me")


def test_the_servers_sentence_is_what_people_read() -> None:
    error = {"error": {"code": "link", "message": "That is no Git link.", "details": {}}}

    with (
        api(lambda request: httpx.Response(422, json=error)) as platform,
        pytest.raises(Failure, match=r"^That is no Git link\.$") as raised,
    ):
        platform.create("/api/v1/tools", {})

    assert raised.value.exit_code == 125


def test_an_answer_that_is_not_ours_is_still_a_sentence() -> None:
    with (
        api(lambda request: httpx.Response(500, text="<html>")) as platform,
        pytest.raises(Failure, match="/x answered 500"),
    ):
        platform.get("/x")


def test_lists_are_read_page_by_page() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if "cursor" not in request.url.params:
            return httpx.Response(200, json={"items": [1, 2], "next": "c"})
        return httpx.Response(200, json={"items": [3], "next": None})

    with api(handler) as platform:
        assert list(platform.items("/x")) == [1, 2, 3]


def test_a_broken_stream_is_resumed_behind_the_last_event() -> None:
    asked = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("Last-Event-ID"))
        if len(asked) == 1:
            return httpx.Response(200, text=": hello\n\nid: 1:2:0\nevent: log\ndata: a\n\n")
        return httpx.Response(200, text="id: 1:3:0\nevent: end\ndata: {}\n\n")

    with api(handler) as platform:
        names = [event.name for event in platform.stream("/x")]

    assert names == ["log", "end"]
    assert asked == [None, "1:2:0"]


def test_a_broken_download_goes_on_where_it_broke() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield b"abc"
            raise httpx.ReadError("broken")

    def handler(request: httpx.Request) -> httpx.Response:
        if "Range" not in request.headers:
            return httpx.Response(200, stream=Broken())
        assert request.headers["Range"] == "bytes=3-"
        return httpx.Response(206, content=b"def")

    with api(handler) as platform:
        assert b"".join(platform.download("/x")) == b"abcdef"


def test_server_sent_events_are_parsed_with_comments_and_many_lines() -> None:
    lines = [": beat", "", "id: 7", "event: log", "data: a", "data: b", "", "data: c", "", ""]

    assert list(parse(iter(lines))) == [
        StreamEvent("log", "a\nb", "7"),
        StreamEvent("message", "c", "7"),
    ]


def test_bytes_that_come_twice_are_written_once() -> None:
    def log(offset: int, data: str) -> str:
        event = {"stream": "stdout", "offset": offset, "data": data}
        return f"event: log\ndata: {json.dumps(event)}\n\n"

    # "YWJj" is abc, "YmNk" is bcd
    text = log(0, "YWJj") + log(1, "YmNk") + 'event: end\ndata: {"state": "succeeded"}\n\n'
    written = []

    with api(lambda request: httpx.Response(200, text=text)) as platform:
        end = to_the_end(platform, "/x", sink=lambda stream, data: written.append(data))

    assert b"".join(written) == b"abcd"
    assert end == {"state": "succeeded"}

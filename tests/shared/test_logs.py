"""One line an event, with ids and without secrets."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared import logs


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(text: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.getvalue().splitlines()]


def test_json_lines_have_service_and_ids() -> None:
    out = io.StringIO()
    logs.configure("notifier", json=True, to=out)
    with logs.bound(run_id="run_1", event_id="evt_1"):
        structlog.get_logger().info("mail_sent", count=2)
    structlog.get_logger().info("idle")

    first, second = lines(out)
    assert first["event"] == "mail_sent" and first["count"] == 2
    assert (first["service"], first["run_id"], first["event_id"]) == ("notifier", "run_1", "evt_1")
    assert "run_id" not in second


def test_lines_of_libraries_look_the_same() -> None:
    out = io.StringIO()
    logs.configure("web", json=True, to=out)
    with logs.bound(run_id="run_1"):
        logging.getLogger("gunicorn.error").warning("worker %s died", 7)
    (line,) = lines(out)
    assert line["event"] == "worker 7 died"
    assert (line["service"], line["run_id"], line["level"]) == ("web", "run_1", "warning")


def test_fields_named_like_secrets_are_redacted() -> None:
    out = io.StringIO()
    logs.configure("web", json=True, to=out)
    structlog.get_logger().info("x", worker_token="tok_1", Authorization="Bearer 2", password="3")
    assert "tok_1" not in out.getvalue() and "Bearer" not in out.getvalue()
    assert lines(out)[0]["password"] == "[redacted]"


def test_console_lines_carry_a_traceback() -> None:
    out = io.StringIO()
    logs.configure("web", to=out)
    try:
        raise KeyError("lost")
    except KeyError:
        structlog.get_logger().exception("failed", run_id="run_1")
    assert "run_1" in out.getvalue() and "KeyError" in out.getvalue()


def test_a_traceback_shows_no_variables() -> None:
    out = io.StringIO()
    logs.configure("web", to=out)
    try:
        wanted = "hunter2-in-a-variable"
        raise KeyError(len(wanted))
    except KeyError:
        structlog.get_logger().exception("failed")
    assert "KeyError" in out.getvalue() and "hunter2-in-a-variable" not in out.getvalue().replace(
        'wanted = "hunter2-in-a-variable"', ""
    )


@pytest.mark.parametrize("sent", ["/x\x1b[2J", "/x\n2026 [info] signed_in", "/\x9b31m", "/\u202ex"])
def test_what_strangers_send_is_one_line_without_controls(sent: str) -> None:
    out = io.StringIO()
    logs.configure("web", to=out)
    structlog.get_logger().info("request", path=sent, name="grün")
    logging.getLogger("gunicorn").warning("Invalid request %s", sent)
    said = out.getvalue()

    assert len(said.splitlines()) == 2
    assert all(char.isprintable() or char == "\n" for char in said)
    assert "grün" in said

"""Previews on both databases: asked for, claimed, fenced, ended, shown, swept."""

import re
from typing import Any

from sqlalchemy import select, update

from shared.db import Transactions, now_ms
from shared.events import PreviewRequested, decode
from shared.plan import Command, Network, Plan, Step
from shared.schema.messages import Outbox
from shared.schema.runs import JobEvent
from shared.schema.tools import Preview, Version
from tests import factories
from tests.fake_objects import MemoryObjects
from tests.web.browser import Browser
from tests.web.conftest import WORKER_TOKEN, Made, Person, make_ports
from tests.web.worker_client import Held, Worker
from web.flask_app import create_app
from web.leases import LeaseTimes
from web.ports import WebPorts
from web.reaper import end_expired
from web.sweeper import Sweeper

LINK = "https://github.com/example/wc"
PLAN = Plan(
    runtime="python",
    runtime_version="3.11",
    base="python",
    steps=[Step(name="install", argv=["uv", "pip", "install", "."])],
    commands=[
        Command(name="wc", run=["/opt/venv/bin/wc"], evidence="project.scripts"),
        Command(name="lines", run=["/opt/venv/bin/lines"], evidence="project.scripts"),
    ],
    network=Network(mode="internet"),
    evidence=["pyproject.toml (hatchling)"],
)
SHOWN = PLAN.model_dump(mode="json")


def asked(person: Person, **body: object) -> dict[str, Any]:
    answer = person.post("/api/v1/previews", json={"link": LINK, **body})
    assert answer.status_code == 201, answer.text
    found: Any = answer.json
    return dict(found)


def ended(held: Held, state: str = "succeeded", **report: object) -> int:
    facts = {"commit": factories.COMMIT, "plan": SHOWN} if state == "succeeded" else {}
    return held.post("finish", state=state, **{**facts, **report}).status_code


def row(ports: WebPorts, preview_id: str) -> Preview:
    with ports.transactions.read() as session:
        return session.get_one(Preview, preview_id)


# The API


def test_a_look_is_announced_claimed_and_answers_with_the_plan(
    owner: Person, worker: Worker, web_ports: WebPorts
) -> None:
    preview = asked(owner, ref="v1", folder="tools", overrides="start: repository")

    with web_ports.transactions.read() as session:
        events = [decode(text) for text in session.scalars(select(Outbox.body))]
    assert [event.preview_id for event in events if isinstance(event, PreviewRequested)] == [
        preview["id"]
    ]
    held = worker.claim("preview", preview["id"])
    assert {n: held.given[n] for n in ("link", "ref", "folder", "overrides", "commit_only")} == {
        "link": LINK,
        "ref": "v1",
        "folder": "tools",
        "overrides": "start: repository\n",
        "commit_only": False,
    }
    assert held.phase("cloning").status_code == 204
    assert owner.get(f"/api/v1/previews/{preview['id']}").json["state"] == "cloning"  # type: ignore[index]
    assert held.heartbeat() == "continue"
    assert ended(held, description="Counts words") == 204

    seen: Any = owner.get(f"/api/v1/previews/{preview['id']}").json
    assert (seen["state"], seen["commit"]) == ("succeeded", factories.COMMIT)
    assert [command["name"] for command in seen["commands"]] == ["wc", "lines"]
    assert seen["plan"]["network"]["mode"] == "internet"
    assert "runtime: python\n" in seen["plan_text"]
    assert seen["description"] == "Counts words"


def test_a_look_in_vain_tells_its_reason(owner: Person, worker: Worker) -> None:
    preview = asked(owner)
    held = worker.claim("preview", preview["id"])

    assert ended(held, "failed", reason="The repository was not found.") == 204

    seen: Any = owner.get(f"/api/v1/previews/{preview['id']}").json
    assert (seen["state"], seen["reason"]) == ("failed", "The repository was not found.")
    assert seen["plan"] is None and seen["plan_text"] == ""


def test_the_same_report_twice_is_fine_and_a_success_without_a_plan_is_none(
    owner: Person, worker: Worker
) -> None:
    held = worker.claim("preview", asked(owner)["id"])

    assert ended(held, plan=None) == 422
    assert ended(held) == 204
    assert ended(held) == 204


def test_only_the_holder_of_the_fence_reports(
    owner: Person, worker: Worker, web_ports: WebPorts, made: Made
) -> None:
    first = worker.claim("preview", asked(owner)["id"])

    def expire(session: Any) -> int:
        session.execute(update(Preview).values(lease_until=1))
        return end_expired(session, "preview", first.id, first.fence)

    assert made(expire) == 1
    second = worker.claim("preview", first.id)

    assert first.phase("detecting").status_code == 409
    assert ended(first, "failed", reason="stale") == 409
    assert first.heartbeat() == "lost"
    assert ended(second) == 204
    assert row(web_ports, first.id).reason == ""


def test_a_look_that_loses_its_worker_again_and_again_ends(
    owner: Person, worker: Worker, web_ports: WebPorts, made: Made
) -> None:
    preview = asked(owner)

    def lose(session: Any, held: Held) -> None:
        session.execute(update(Preview).values(lease_until=1))
        end_expired(session, "preview", held.id, held.fence)
        session.execute(update(Preview).values(not_before=0))

    for _ in range(3):
        made(lose, worker.claim("preview", preview["id"]))

    assert row(web_ports, preview["id"]).state == "lost"


def test_the_key_of_a_create_makes_one_preview(owner: Person) -> None:
    first = owner.post(
        "/api/v1/previews", json={"link": LINK}, headers={"Idempotency-Key": "k"}
    ).json
    second = owner.post(
        "/api/v1/previews", json={"link": LINK}, headers={"Idempotency-Key": "k"}
    ).json

    assert first == second


def test_bad_wishes_are_refused_with_their_line(owner: Person) -> None:
    answer = owner.post(
        "/api/v1/previews", json={"link": LINK, "overrides": "start: empty\nsteps: make\n"}
    )

    error: Any = answer.json["error"]  # type: ignore[index]
    assert answer.status_code == 422 and error["code"] == "plan"
    assert error["message"].startswith("toolyard.yaml line 2: steps must be a list of steps")
    assert error["details"]["faults"][0]["line"] == 2
    assert owner.post("/api/v1/previews", json={"link": "nonsense"}).status_code == 422


def test_an_account_has_so_many_looks_at_once(transactions: Transactions, tmp_path: Any) -> None:
    ports = make_ports(
        transactions, tmp_path, limits='{"free": {"queued_previews": 3, "previewing": 1}}'
    )
    app = create_app(ports)
    from tests.web.conftest import make_person

    person = make_person(app, "a@example.org")
    ids = [asked(person)["id"] for _ in range(3)]

    refused = person.post("/api/v1/previews", json={"link": LINK})
    assert refused.status_code == 429 and "Retry-After" in refused.headers
    worker = Worker(app.test_client(), WORKER_TOKEN)
    held = worker.claim("preview", ids[0])
    assert worker.ask("preview", ids[1]).status_code == 204  # no place
    assert ended(held) == 204
    assert worker.ask("preview", ids[1]).status_code == 200
    assert person.post("/api/v1/previews", json={"link": LINK}).status_code == 201


def test_looks_are_limited_by_the_hour(transactions: Transactions, tmp_path: Any) -> None:
    app = create_app(make_ports(transactions, tmp_path, previews_per_hour=2))
    from tests.web.conftest import make_person

    person = make_person(app, "a@example.org")
    codes = [person.post("/api/v1/previews", json={"link": LINK}).status_code for _ in range(3)]

    assert codes == [201, 201, 429]


def test_old_previews_go_with_their_history(
    owner: Person, worker: Worker, web_ports: WebPorts, made: Made
) -> None:
    done, fresh, waiting = (asked(owner)["id"] for _ in range(3))
    for one in (done, fresh):
        assert ended(worker.claim("preview", one)) == 204
    made(
        lambda session: session.execute(
            update(Preview)
            .where(Preview.id.in_([done, waiting]))
            .values(created_at=now_ms() - 25 * 3_600_000)
        )
    )

    Sweeper(web_ports.transactions, MemoryObjects()).rows()

    with web_ports.transactions.read() as session:
        assert set(session.scalars(select(Preview.id))) == {fresh, waiting}
        assert done not in set(session.scalars(select(JobEvent.job_id)))
    assert owner.get(f"/api/v1/previews/{done}").status_code == 404


def test_previews_are_counted(owner: Person, administrator: Person) -> None:
    asked(owner)

    text = administrator.get("/metrics").text

    assert 'toolyard_jobs{kind="preview",state="queued"} 1.0' in text


# Adding


def found_by(worker: Worker, preview_id: str) -> None:
    assert ended(worker.claim("preview", preview_id), description="Counts words") == 204


def test_without_scripts_a_look_fills_the_add_form(browser: Browser, worker: Worker) -> None:
    sent = browser.send("/add", "/add/look", link=LINK)
    assert sent.status_code == 303 and "/add?preview=" in sent.location
    preview_id = sent.location.rpartition("=")[2]

    waiting = browser.get(sent.location).text
    assert "Looking at the repository" in waiting and 'http-equiv="refresh"' in waiting
    assert f'value="{LINK}"' in waiting
    found_by(worker, preview_id)
    page = browser.get(sent.location).text

    assert "Python 3.11" in page and "pyproject.toml (hatchling)" in page
    assert 'name="name" value="wc"' in page and 'value="Counts words"' in page
    assert "lines · project.scripts" in page and "As found: internet" in page
    assert 'http-equiv="refresh"' not in page


def test_a_script_gets_the_look_as_a_fragment(browser: Browser, worker: Worker) -> None:
    html = browser.get("/add").text
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', html)
    assert token
    first = browser.client.post(
        "/add/look",
        data={"csrf_token": token[1], "link": LINK},
        headers={"X-Fragment": "1"},
    )
    following = re.search(r'data-next="(/add/look/prv_\w+)"', first.text)
    assert first.status_code == 200 and following and "<html" not in first.text
    preview_id = following[1].rpartition("/")[2]
    held = worker.claim("preview", preview_id)
    held.phase("cloning")

    assert "Fetching it" in browser.get(following[1]).text
    ended(held)
    last = browser.get(following[1]).text

    assert "data-next" not in last and 'id="options"' in last
    bad = browser.client.post(
        "/add/look",
        data={"csrf_token": token[1], "link": "nonsense/x"},
        headers={"X-Fragment": "1"},
    )
    assert bad.status_code == 200 and "data-next" not in bad.text and "link" in bad.text


def test_the_plan_found_can_be_edited_before_the_first_build(
    browser: Browser, worker: Worker, web_ports: WebPorts
) -> None:
    sent = browser.send("/add", "/add/look", link=LINK)
    found_by(worker, sent.location.rpartition("=")[2])

    page = browser.get(sent.location + "&plan=1").text
    assert "runtime: python" in page.partition("</textarea>")[0].rpartition("<textarea")[2]
    added = browser.send(
        "/add", "/add", link=LINK, overrides="system_packages: [jq]\r\nstart: empty"
    )

    assert added.status_code == 303
    with web_ports.transactions.read() as session:
        version = session.scalars(select(Version)).one()
    assert version.overrides == "system_packages: [jq]\nstart: empty\n"
    held = worker.claim("build", added.location.rpartition("/")[2])
    assert held.given["overrides"] == version.overrides


def test_a_faulty_plan_is_refused_and_kept_as_it_was_typed(browser: Browser) -> None:
    sent = browser.send("/add", "/add", link=LINK, overrides="steps: make", name="mine")

    assert sent.status_code == 422
    assert "toolyard.yaml line 1: steps must be a list of steps" in sent.text
    assert "steps: make</textarea>" in sent.text and 'value="mine"' in sent.text


def test_another_entry_point_than_the_found_ones_can_be_named(
    browser: Browser, web_ports: WebPorts
) -> None:
    browser.send("/add", "/add", link=LINK, command="wc", other_command="tool.py", name="a")
    browser.send("/add", "/add", link=LINK, command="lines", other_command="", name="b")

    with web_ports.transactions.read() as session:
        wanted = sorted(str(one) for one in session.scalars(select(Version.command)))
    assert wanted == ["lines", "tool.py"]


def test_lease_times_of_previews_are_those_of_all_jobs(owner: Person, worker: Worker) -> None:
    held = worker.claim("preview", asked(owner)["id"])

    assert held.given["lease_seconds"] == LeaseTimes().lease_seconds

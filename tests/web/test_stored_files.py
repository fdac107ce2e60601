"""A person sees what their files take and deletes them; no run loses what it still needs."""

import threading

import pytest
from sqlalchemy import update

from shared.db import Transactions
from shared.ids import new_id
from shared.schema.accounts import Account
from shared.schema.runs import File, Run, RunInput, Upload
from shared.schema.tools import Tool, Version
from tests import factories
from tests.fake_objects import MemoryObjects
from tests.web.browser import Browser, Seed
from tests.web.conftest import Made, Person
from web import room, run_states, stored_files, uploads
from web.file_hashes import FileHashes
from web.ports import WebPorts
from web.refusals import Absent, Conflict, Gone
from web.request_run import InputChoice, RunRequest, request_run
from web.sweeper import Sweeper
from web.upload_sweeper import UploadSweeper
from web.uploads import Store


@pytest.fixture
def person(made: Made) -> Account:
    found: Account = made(factories.account)
    return found


@pytest.fixture
def ready(made: Made, person: Account) -> tuple[Tool, Version]:
    found: tuple[Tool, Version] = made(factories.ready_tool, person)
    return found


def test_files_that_a_run_still_needs_are_kept_until_it_has_ended(
    transactions: Transactions, made: Made, person: Account, ready: tuple[Tool, Version]
) -> None:
    store = MemoryObjects()
    files: list[File] = [made(factories.file, person, name) for name in ("in", "stdin")]
    store.bytes = {file.key: b"x" for file in files}
    wanted = [
        RunRequest(inputs=[InputChoice(files[0].id)]),
        RunRequest(stdin_file_id=files[1].id),
    ]
    runs: list[Run] = [made(request_run, person, *ready, one) for one in wanted]

    for state in sorted(run_states.ALL - run_states.TERMINAL):
        made(lambda s, state=state: s.execute(update(Run).values(state=state)))
        for file, run in zip(files, runs, strict=True):
            with pytest.raises(Conflict, match=f"{run.id} has not ended"):
                stored_files.delete(transactions, store, person, file.id)
    assert len(store.bytes) == 2
    made(lambda s: s.execute(update(Run).values(state="lost")))
    for file, one in zip(files, wanted, strict=True):
        stored_files.delete(transactions, store, person, file.id)
        with pytest.raises(Gone, match=f"You have deleted {file.name}"):
            made(request_run, person, *ready, one)
    assert not store.bytes


def test_no_run_begins_with_a_file_that_is_being_deleted(
    transactions: Transactions, made: Made, person: Account, ready: tuple[Tool, Version]
) -> None:
    file: File = made(factories.file, person)
    refused = []

    def ask() -> None:
        try:
            made(request_run, person, *ready, RunRequest(inputs=[InputChoice(file.id)]))
        except Gone as error:
            refused.append(error)

    asking = threading.Thread(target=ask)
    with transactions.begin() as session:
        stored_files.mark(session, person, file.id)
        asking.start()
        asking.join(0.3)  # by now it waits for the account
    asking.join(30)
    assert len(refused) == 1


def test_what_was_deleted_takes_no_room_and_every_loop_lets_go_of_it(
    transactions: Transactions, made: Made, person: Account
) -> None:
    store = MemoryObjects()
    file: File = made(factories.file, person, "big", 7)
    output: File = made(factories.file, person, "output", 5)
    upload = Upload(
        id=new_id("upl"),
        account_id=person.id,
        file_id=file.id,
        name="big",
        size=7,
        part_size=8,
        created_at=1,
        finished_at=1,
    )
    made(lambda s: s.add(upload))
    made(lambda s: s.execute(update(File).where(File.id == file.id).values(sha256="0-8")))
    made(lambda s: s.execute(update(File).where(File.id == output.id).values(key="runs/r/a/o")))
    assert made(room.stored_bytes, person.id) == 7

    stored_files.delete(transactions, store, person, file.id)
    store.bytes = {file.key: b"x", "runs/r/a/o": b"y"}  # and the process died before the store did
    store.stored = dict.fromkeys(store.bytes, 0)
    stored_files.delete(transactions, store, person, output.id)
    assert "runs/r/a/o" in store.bytes, "it is the run's"

    assert made(room.stored_bytes, person.id) == 0
    with pytest.raises(Absent, match="has been deleted"):
        uploads.complete(transactions, Store(store, None), upload, 9)  # type: ignore[arg-type]
    hashes = FileHashes(transactions, store)
    assert hashes.once() == 0 and not hashes._failed
    UploadSweeper(transactions, Store(store, None)).rows()  # type: ignore[arg-type]
    assert made(lambda s: s.get(Upload, upload.id)) is None
    Sweeper(transactions, store).objects()
    assert file.key not in store.bytes


def test_a_full_account_makes_room_on_the_page(
    owner: Person, browser: Browser, seed: Seed, web_ports: WebPorts
) -> None:
    sent = {n: owner.post(f"/api/v1/files?name={n}.txt", data=b"x" * n).json for n in (3, 5)}
    ids = {n: str(answer["id"]) for n, answer in sent.items() if answer}
    begun = owner.post("/api/v1/uploads", json={"name": "half.bin", "size": 4}).json
    assert begun
    run = seed.run(seed.ready("wc"), argv=("3.txt",))
    with web_ports.transactions.begin() as session:
        session.add(RunInput(run_id=run.id, name="3.txt", file_id=ids[3]))
        session.get_one(Run, run.id).stdin_file_id = ids[3]

    page = browser.get("/files?order=largest").text
    assert "12 B of the 10 GB" in page
    assert page.index("half.bin") < page.index(">5.txt<") < page.index(">3.txt<")
    assert f"/runs?q=file:{ids[3]}" in page and 'aria-label="1 run of 3.txt"' in page
    assert run.id in browser.get(f"/runs?q=file:{ids[3]}").text
    assert run.id not in browser.get(f"/runs?q=file:{ids[5]}").text

    gone = browser.send("/files", f"/files/unfinished/{begun['id']}/delete")
    assert gone.status_code == 303 and "half.bin" not in browser.get("/files").text
    started = owner.post("/api/v1/runs", json={"tool": run.tool_id, "stdin": ids[5]}).json
    assert started
    refused = browser.send("/files", f"/files/{ids[5]}/delete")
    assert refused.status_code == 409 and "of the 10 GB" in refused.text
    assert f"5.txt is still needed: the run {started['id']} has not ended" in refused.text
    answer = owner.delete(f"/api/v1/files/{ids[5]}")
    assert answer.status_code == 409 and answer.json
    assert answer.json["error"]["details"] == {"run": started["id"]}
    assert owner.post(f"/api/v1/runs/{started['id']}/cancel", json={}).status_code == 200

    for n in (3, 5):
        assert browser.send("/files", f"/files/{ids[n]}/delete?order=largest").status_code == 303
    page = browser.get("/files").text
    assert "0 B of the 10 GB" in page and "You keep no files" in page
    assert not list(web_ports.objects.walk())

    again = browser.get(f"/tools/{run.tool_id}?again={run.id}").text
    assert "Deleted since that run: 3.txt." in again and f'value="{ids[3]}' not in again
    assert "deleted <time" in browser.get(f"/runs/{run.id}").text
    sent_again = browser.send("/account", f"/tools/{run.tool_id}/runs", keep=f"{ids[3]}/3.txt")
    assert sent_again.status_code == 410 and "You have deleted 3.txt" in sent_again.text


def test_the_api_lists_counts_and_deletes(owner: Person, other: Person) -> None:
    ids = []
    for n in range(3):
        sent = owner.post(f"/api/v1/files?name={n}", data=b"x" * n).json
        assert sent
        ids.append(sent["id"])
    first = owner.get("/api/v1/files?limit=2").json
    assert first and [one["name"] for one in first["items"]] == ["2", "1"]
    rest = owner.get(f"/api/v1/files?cursor={first['next']}").json
    assert rest and [one["name"] for one in rest["items"]] == ["0"] and rest["next"] is None
    assert (first["stored_bytes"], first["most_bytes"]) == (3, 10_000_000_000)
    nothing = other.get("/api/v1/files").json
    assert nothing and (nothing["items"], nothing["stored_bytes"]) == ([], 0)

    assert owner.delete(f"/api/v1/files/{ids[2]}").status_code == 204
    assert owner.delete(f"/api/v1/files/{ids[2]}").status_code == 404
    assert owner.get(f"/api/v1/files/{ids[2]}").status_code == 404
    left = owner.get("/api/v1/files").json
    assert left and left["stored_bytes"] == 1 and len(left["items"]) == 2

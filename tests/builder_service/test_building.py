"""Real builds on the real engine: the examples, failures, limits, cancel, and what is kept."""

import hashlib
import json
import secrets
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from builder_service.operator_env import Operator
from shared.containers import ImageGone, Mount, Sandbox
from shared.plan import Command
from shared.work import Limits
from tests.builder_service.conftest import LIMITS, Attempt, Bench
from tests.fakes import MemoryBus
from tests.git_server import repository_from_tree

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(600)]

EXAMPLES = Path(__file__).parents[2] / "examples"
SHELL = {"tool*": '#!/bin/sh\necho "usage: tool FILE"\n'}
WORDS = {"notes.txt": "one two two\n", "table.csv": "a,b\n1,x\n"}


def python(backend: str, dependencies: str = "[]") -> dict[str, str]:
    """A project whose build runs this code of its own, with nothing fetched for it."""
    return {
        "pyproject.toml": f'[build-system]\nrequires=[]\nbuild-backend="own"\nbackend-path=["."]\n'
        f'[project]\nname="t"\nversion="1"\ndependencies={dependencies}\n[project.scripts]\nt="t:m"\n',
        "own.py": f"import os, sys, time\ndef build_wheel(*a, **k):\n    {backend}\n",
    }


def requirement() -> str:
    """Always the same distribution, and a step that nobody has kept."""
    return f"tabulate==0.9.0  # {secrets.token_hex(8)}\n"


def run(bench: Bench, image: str, command: Command, arguments: list[str], folder: Path) -> str:
    """What a command of a built image prints, in the sandbox of runs."""
    folder.mkdir()
    for name, text in WORDS.items():
        (folder / name).write_text(text)
    folder.chmod(0o777)
    name = f"try-{time.monotonic_ns()}"
    argv = [*command.run, *arguments]
    sandbox = Sandbox(
        name=name,
        image=image,
        argv=argv,
        kind="run",
        limits=Limits(),
        mounts=(Mount(folder, "/work"),),
    )
    try:
        bench.containers.create(sandbox)
        bench.containers.start(name)
        ended = bench.containers.wait(name, 60)
        said = b"".join(data for _, data in bench.containers.output(name)).decode()
        assert ended is not None and ended.exit_code == 0, said
        return said
    finally:
        bench.containers.remove(name)


@pytest.mark.parametrize(
    ("example", "command", "arguments", "printed"),
    [
        ("hello-python", "hello", ["notes.txt"], "1 lines and 3 words"),
        ("node-csv2json", "csv2json", ["-c", "table.csv"], '[{"a":1,"b":"x"}]'),
        ("shell-bars", "bars", ["1", "2"], "████"),
    ],
)
def test_an_example_becomes_a_tool_that_runs(
    bench: Bench, tmp_path: Path, example: str, command: str, arguments: list[str], printed: str
) -> None:
    repository_from_tree(bench.server.root, example, EXAMPLES / example)
    attempt = bench.attempt(bench.server.link(example))

    report = attempt.live()

    assert (report.state, report.commands[0].name) == ("succeeded", command), attempt.log
    assert attempt.control.phases == ["cloning", "detecting", "building", "smoking", "publishing"]
    assert report.image and report.image == bench.containers.image_id(report.image)
    assert printed in run(bench, report.image, report.commands[0], arguments, tmp_path / "work")
    assert report.description and report.readme.startswith("# ")
    prefix = f"builds/{attempt.assignment.id}/{attempt.assignment.attempt}/"
    names = {key.removeprefix(prefix) for key in attempt.control.objects}
    assert names == {"source", "sbom.cdx.json", "stdout"}
    bill = json.loads(attempt.control.objects[prefix + "sbom.cdx.json"])
    assert any(one["purl"].startswith("pkg:deb/debian/libc6@") for one in bill["components"])
    assert attempt.control.objects[prefix + "stdout"].decode() == attempt.log
    assert bench.left() == []


def test_a_version_is_built_again_when_its_repository_has_vanished(
    bench: Bench, tmp_path: Path
) -> None:
    link = bench.repository("vanishing", SHELL)
    first = bench.attempt(link)
    before = first.live()
    shutil.rmtree(bench.server.root / "vanishing.git")
    assert before.source_key is not None and before.provenance is not None
    kept = first.control.objects[before.source_key]
    sha256 = hashlib.sha256(kept).hexdigest()
    assert before.provenance.source_sha256 == sha256

    gone = bench.attempt(link)
    assert gone.live().state == "failed"
    file = {"name": "source", "size": len(kept), "sha256": sha256, "url": "kept"}
    again = bench.attempt(link, snapshot={"file": file, "commit": before.commit})
    again.control.objects["kept"] = kept
    after = again.live()
    damaged = bench.attempt(
        link, snapshot={"file": {**file, "sha256": "0" * 64}, "commit": before.commit}
    )
    damaged.control.objects["kept"] = kept

    assert (after.state, after.commit, after.image) == ("succeeded", before.commit, before.image)
    assert after.provenance == before.provenance
    assert "checksum is wrong" in damaged.live().reason


def test_nothing_is_built_twice_also_not_at_the_same_time(bench: Bench) -> None:
    link = bench.repository("twice", SHELL)
    attempts = [bench.attempt(link) for _ in range(3)]
    threads = [threading.Thread(target=attempt.live) for attempt in attempts[:2]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    attempts[2].live()

    reports = [attempt.control.reports[0] for attempt in attempts]
    assert {report.state for report in reports} == {"succeeded"}
    assert sorted(report.reused for report in reports) == [False, True, True]
    assert len({report.image for report in reports}) == 1


def test_private_images_are_not_shared(bench: Bench) -> None:
    link = bench.repository("private", SHELL)

    first, second = (
        bench.attempt(link, scope="acc_1").live(),
        bench.attempt(link, scope="acc_2").live(),
    )

    assert first.identity != second.identity
    assert second.reused is False


def packages_in(attempt: Attempt) -> set[str]:
    """The package URLs of its bill of materials."""
    objects = attempt.control.objects
    bill = json.loads(next(objects[key] for key in objects if key.endswith("sbom.cdx.json")))
    return {one["purl"] for one in bill["components"]}


def test_a_change_of_the_source_keeps_the_dependencies(bench: Bench) -> None:
    pure = {
        "requirements.txt": requirement(),
        "tool.py": "import argparse\nargparse.ArgumentParser().parse_args()\n",
    }
    first = bench.attempt(bench.repository("change", pure))
    first.live()
    with_copy = {
        **pure,
        "tool.py": pure["tool.py"] + "# more\n",
        "lib/copied-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: copied\nVersion: 1.0\n",
    }
    second = bench.attempt(bench.repository("change", with_copy))
    report = second.live()

    assert report.state == "succeeded" and not report.reused
    assert "dependencies: uv pip install" in first.log
    assert "dependencies: kept from an earlier build" in second.log
    assert "source: copied" in second.log
    before, after = packages_in(first), packages_in(second)
    assert any(one.startswith("pkg:pypi/") for one in before)
    assert after - before == {"pkg:pypi/copied@1.0"} and before <= after


def test_a_dependency_that_does_not_exist_is_named(bench: Bench) -> None:
    files = {
        "requirements.txt": "toolyard-no-such-distribution-1f3a\n",
        "tool.py": "import argparse\nargparse.ArgumentParser().parse_args()\n",
    }
    attempt = bench.attempt(bench.repository("missing", files))

    report = attempt.live()

    assert report.state == "failed" and report.image is None
    assert "dependencies" in report.reason and "toolyard-no-such-distribution-1f3a" in report.reason
    assert report.plans_tried[0].reason == report.reason
    assert bench.left() == []


def test_a_build_that_never_ends_is_ended(bench: Bench) -> None:
    attempt = bench.attempt(
        bench.repository("endless", python("time.sleep(3600)")),
        limits=LIMITS.model_copy(update={"wall_seconds": 8}),
    )

    report = attempt.live()

    assert report.state == "timed_out" and "within 8 s" in report.reason
    assert bench.left() == []


def test_an_endless_log_is_bounded(bench: Bench) -> None:
    attempt = bench.attempt(
        bench.repository("chatty", python("while True: os.write(2, b'x' * 4096)")),
        limits=LIMITS.model_copy(update={"wall_seconds": 10, "log_bytes": 100_000}),
    )

    report = attempt.live()

    assert report.state in ("timed_out", "failed")
    assert len(attempt.log) < 102_000


def test_a_build_that_fills_the_disk_is_ended(bench: Bench) -> None:
    fill = "[open(f'/app/f{n}', 'wb').write(os.urandom(1 << 20)) and time.sleep(0.02) for n in range(100000)]"
    attempt = bench.attempt(
        bench.repository("filling", python(fill)),
        limits=LIMITS.model_copy(update={"disk_bytes": 64 << 20, "wall_seconds": 60}),
    )

    report = attempt.live()

    assert report.state == "failed" and "to disk" in report.reason
    assert bench.left() == []


def until(happened: "object", seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


def sleeping(bench: Bench, name: str) -> tuple["object", threading.Thread]:
    attempt = bench.attempt(
        bench.repository(name, python("print('asleep', flush=True); time.sleep(3600)"))
    )
    thread = threading.Thread(target=attempt.build.live)
    thread.start()
    until(lambda: "install: uv" in attempt.log and bench.left())
    return attempt, thread


def test_a_cancel_ends_the_build_at_once(bench: Bench) -> None:
    attempt, thread = sleeping(bench, "cancelled")
    began = time.monotonic()
    attempt.control.directive = "cancel"  # type: ignore[attr-defined]
    thread.join(20)

    assert time.monotonic() - began < 10
    assert [r.state for r in attempt.control.reports] == ["cancelled"]  # type: ignore[attr-defined]
    assert bench.left() == []


def test_a_drain_hands_the_build_back_without_an_attempt(bench: Bench) -> None:
    attempt, thread = sleeping(bench, "drained")
    attempt.build.hand_back()  # type: ignore[attr-defined]
    thread.join(20)

    assert attempt.control.reports == []  # type: ignore[attr-defined]
    assert [r.costs_attempt for r in attempt.control.releases] == [False]  # type: ignore[attr-defined]
    assert bench.left() == []


def test_a_lost_lease_ends_the_build_and_tells_nothing(bench: Bench) -> None:
    attempt, thread = sleeping(bench, "lost")
    attempt.control.lease_is_lost = True  # type: ignore[attr-defined]
    thread.join(20)

    assert not thread.is_alive()
    assert attempt.control.reports == attempt.control.releases == []  # type: ignore[attr-defined]
    assert bench.left() == []


def test_a_command_that_does_not_answer_is_ranked_after_one_that_does(bench: Bench) -> None:
    files = {
        "tool*": "#!/bin/sh\nexec missing-program-xyz\n",
        "other*": '#!/bin/sh\necho "usage: other $1"\n',
    }
    attempt = bench.attempt(bench.repository("tool", files))

    report = attempt.live()

    assert [command.name for command in report.commands] == ["other", "tool"]
    assert report.plan and "tool did not answer, other did" in report.plan.evidence[-1]


def test_an_image_that_answers_nothing_is_never_ready(bench: Bench) -> None:
    attempt = bench.attempt(
        bench.repository(
            "mute", {"mute*": "#!/bin/sh\necho 'cannot start the engine' >&2\nexit 3\n"}
        )
    )

    report = attempt.live()

    assert report.state == "failed" and report.image is None and report.identity is None
    assert "did not answer" in report.reason and "cannot start the engine" in report.reason


def test_nothing_of_the_operators_stays_in_an_image(bench: Bench) -> None:
    canary = "canary-7f3b"
    operator = Operator(ca=bench.operator.ca, node_registry=f"https://u:{canary}@registry.invalid/")
    bench.operator.environment()
    attempt = bench.attempt(bench.repository("clean", SHELL), operator=operator)

    report = attempt.live()

    assert report.image and operator.environment()["npm_config_registry"].count(canary) == 1
    inspected = subprocess.run(
        ["docker", "image", "inspect", report.image], capture_output=True, check=True
    ).stdout
    history = subprocess.run(
        ["docker", "history", "--no-trunc", report.image], capture_output=True, check=True
    ).stdout
    config = json.loads(inspected)[0]["Config"]
    kept = {entry.split("=", 1)[0] for entry in config["Env"]}
    assert kept <= {"PATH", "LANG", "HOME"}
    assert canary.encode() not in inspected + history
    search = ["grep", "-rlF", canary, "/", "--exclude-dir=proc", "--exclude-dir=sys"]
    alone = ["docker", "run", "--rm", "--network=none", "--user=0"]
    found = subprocess.run([*alone, report.image, *search], capture_output=True, check=False)
    assert found.stdout == b""


def test_what_a_killed_builder_left_is_removed_and_nothing_else(bench: Bench) -> None:
    from builder_service.app import Builder
    from builder_service.settings import BuilderSettings

    image = bench.attempt(bench.repository("orphans", SHELL)).live().image
    assert image
    attempt = bench.attempt("unused")
    workshop = attempt.build._workshop
    for name, place in (("orphan-1", str(workshop.place)), ("other-1", "/elsewhere")):
        bench.containers.create(
            Sandbox(
                name=name,
                image=image,
                argv=["sleep", "60"],
                kind="build",
                limits=Limits(),
                labels={"place": place},
            )
        )
    (workshop.place / "builds/old").mkdir(parents=True)
    workshop.trials.make("left", 1 << 20, 10)

    Builder(BuilderSettings(data=bench.data), workshop, MemoryBus()).clear()

    assert bench.left() == ["other-1"]
    assert not (workshop.place / "builds").exists()
    assert workshop.trials.names() == []
    bench.containers.remove("other-1")


def test_a_kept_step_that_vanishes_is_made_again(bench: Bench) -> None:
    files = {
        "requirements.txt": requirement(),
        "tool.py": "import argparse\nargparse.ArgumentParser().parse_args()\n",
    }
    link = bench.repository("vanishing", files)
    real, vanished = bench.containers.create, []

    def create(sandbox: Sandbox) -> None:
        if not vanished and sandbox.kind == "build" and "/app" in " ".join(sandbox.argv):
            vanished.append(sandbox.image)
            raise ImageGone(sandbox.image)
        real(sandbox)

    bench.containers.create = create  # type: ignore[method-assign]
    try:
        attempt = bench.attempt(link)
        report = attempt.live()
    finally:
        bench.containers.create = real  # type: ignore[method-assign]

    assert vanished and report.state == "succeeded"
    assert "removed meanwhile; once more" in attempt.log

"""Own Dockerfiles carried out for real, and plans that follow one that failed."""

from pathlib import Path

import certifi
import pytest

from builder_service.operator_env import Operator
from tests.builder_service.conftest import LIMITS, Bench
from tests.builder_service.test_building import run

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(600)]

SHELL_TOOL = '#!/bin/sh\necho "usage: count FILE"\n'
DOCKERFILE = """\
# syntax=docker/dockerfile:1
ARG SUITE=stable
FROM debian:${SUITE}-slim AS made
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache mkdir -p /out/lib && \\
    # a comment in the middle
    cp words.txt /out/lib/ && cp secret.txt /out/leak 2>/dev/null || true
RUN echo kept > /tmp/between

FROM ubuntu:22.04
ENV GREETING="good day" DATA=/opt/tool
WORKDIR $DATA/bin
COPY --from=made /out/ ${DATA}/
COPY --from=made /tmp/between /opt/tool/between
COPY --chmod=0755 to[o]l ./
RUN useradd -m worker && chown worker /opt/tool/bin
USER worker
RUN id -un > who && echo "$HOME" >> who
COPY <<END notes.txt
from the Dockerfile
END
ENTRYPOINT ["./tool"]
CMD ["--help"]
"""
TOOL = """\
#!/bin/sh
[ "$1" = --help ] && { echo "usage: tool WHAT"; exit 0; }
cd /opt/tool
echo "$GREETING|$(cat lib/words.txt)|$(cat between)|$(tr '\\n' ',' < bin/who)|$(cat bin/notes.txt)|$(ls)|$1"
"""


def test_a_dockerfile_of_several_stages_gives_the_tool(bench: Bench, tmp_path: Path) -> None:
    files = {
        "Dockerfile": DOCKERFILE,
        ".dockerignore": "*.md\nsecret*\n",
        "words.txt": "words",
        "secret.txt": "secret",
        "tool": TOOL,
    }
    attempt = bench.attempt(bench.repository("own", files))

    report = attempt.live()

    assert report.state == "succeeded", attempt.log
    assert report.plan and report.plan.runtime == "dockerfile"
    assert "ubuntu:22.04 is replaced by our Debian 12" in report.plan.evidence
    assert report.commands[0].run == ["/opt/tool/bin/tool"]
    assert report.image
    said = run(bench, report.image, report.commands[0], ["a b"], tmp_path / "work")
    assert said.replace("\n", " ").strip() == (
        "good day|words|kept|worker,/home/worker,|from the Dockerfile|between bin lib|a b"
    )
    assert bench.left() == []
    again = bench.attempt(bench.repository("own", {**files, "README.md": "ignored"}))
    again.live()
    assert "COPY . /src/: kept from an earlier build" in again.log
    assert "useradd -m worker && chown worker /opt/tool/bin: kept" in again.log


def test_nothing_of_the_operators_stays_in_the_image(bench: Bench, tmp_path: Path) -> None:
    files = {
        "Dockerfile": 'FROM debian\nCOPY tool /tool\nRUN ls /run /dev/shm > /seen\nENTRYPOINT ["/tool"]\n',
        "tool*": "#!/bin/sh\necho usage: tool; cat /seen; echo --; env\n"
        "find /run /dev/shm /tmp -type f -size +0 2>&1\nexit 0\n",
    }
    operator = Operator(
        ca=bench.operator.ca or Path(certifi.where()), proxy="http://proxy.example:1"
    )
    attempt = bench.attempt(bench.repository("clean", files), operator=operator)

    report = attempt.live()

    assert report.state == "succeeded" and report.image, attempt.log
    seen, _, left = run(bench, report.image, report.commands[0], [], tmp_path / "work").partition(
        "--"
    )
    assert "toolyard-ca.crt" in seen and "apt.conf" in seen  # the step itself had them
    assert "proxy.example" not in left and "UV_NO_CACHE" not in left and "CI=" not in left
    assert "/run/" not in left and "/dev/shm" not in left


def test_a_dockerfile_that_fails_falls_back_to_the_native_plan(bench: Bench) -> None:
    files = {
        "Dockerfile": 'FROM debian\nCOPY count /count\nRUN echo not here >&2; exit 7\nENTRYPOINT ["/count"]\n',
        "count*": SHELL_TOOL,
    }
    attempt = bench.attempt(bench.repository("falls", files))

    report = attempt.live()

    assert report.state == "succeeded" and report.plan, attempt.log
    assert report.plan.runtime == "shell"
    assert [tried.plan.runtime for tried in report.plans_tried] == ["dockerfile", "shell"]
    assert "exit code 7: not here" in report.plans_tried[0].reason
    assert report.plan.evidence[-1].startswith("Tried the repository's Dockerfile (The step “RUN")
    assert report.plan.evidence[-1].endswith("built as a Shell tool instead.")
    assert bench.left() == []


def test_a_dockerfile_whose_command_does_not_answer_falls_back(bench: Bench) -> None:
    files = {
        "Dockerfile": 'FROM debian\nCOPY . /x\nENTRYPOINT ["/x/nothing-here"]\n',
        "count*": SHELL_TOOL,
    }
    report = bench.attempt(bench.repository("mute", files)).live()

    assert report.state == "succeeded" and report.plan and report.plan.runtime == "shell"
    assert "did not answer" in report.plans_tried[0].reason


def test_a_dockerfile_that_is_refused_says_why_in_the_plan(bench: Bench) -> None:
    files = {
        "Dockerfile": 'FROM fedora:40\nCOPY . /x\nENTRYPOINT ["/x/count"]\n',
        "count*": SHELL_TOOL,
    }
    report = bench.attempt(bench.repository("fedora", files)).live()

    assert report.state == "succeeded" and report.plan
    assert [tried.plan.runtime for tried in report.plans_tried] == ["shell"]
    assert (
        "The repository's Dockerfile is not used: it stands on fedora:40, which cannot be had here (line 1)."
        in report.plan.evidence
    )


def test_a_stage_cannot_fill_the_workers_disk_on_its_way(bench: Bench) -> None:
    files = {
        "Dockerfile": "FROM debian AS a\nCOPY filler /usr/local/bin/cp\nRUN chmod 755 /usr/local/bin/cp\n"
        'FROM debian\nCOPY --from=a /etc /d\nENTRYPOINT ["/d/x"]\n',
        "filler": "#!/bin/sh\nhead -c 200000000 /dev/zero > /run/toolyard-out/101d/a; sleep 60\n",
    }
    attempt = bench.attempt(
        bench.repository("exchange", files),
        runtime="dockerfile",
        limits=LIMITS.model_copy(update={"disk_bytes": 190 << 20, "wall_seconds": 60}),
    )

    report = attempt.live()

    assert report.state == "failed" and "to disk" in report.reason, attempt.log
    assert not list((bench.data / "builder/staged").iterdir())

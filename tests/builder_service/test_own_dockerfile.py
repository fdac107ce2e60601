"""What a repository's own Dockerfile is understood as, and what is refused: pure."""

from pathlib import Path

import pytest

from builder_service.detect.finding import Facts, NoPlan
from builder_service.own_dockerfile import words
from builder_service.own_dockerfile.candidate import resolved
from builder_service.own_dockerfile.context import Context, ignore_rules, is_ignored
from builder_service.own_dockerfile.known_bases import base_for
from builder_service.own_dockerfile.refused import Refused
from builder_service.own_dockerfile.stages import Copy, Run, read
from builder_service.plan import candidates
from shared.plan import Plan
from tests.builder_service.trees import ARGPARSE, Files, tree

RECIPES = (
    "docker-debian",
    "docker-python",
    "docker-node22",
    "docker-node24",
    "go1.24",
    "go1.27",
    "java17",
    "ruby",
)
END = '\nCOPY tool.py /t/\nWORKDIR /t\nENTRYPOINT ["python3", "tool.py"]\n'


def own(folder: Path, dockerfile: str, files: Files | None = None) -> Plan:
    """The first plan of a repository with this Dockerfile and one script."""
    repository = {"Dockerfile": dockerfile, "tool.py": ARGPARSE, **(files or {})}
    return candidates(tree(folder, repository), Facts("tool")).plans[0]


def why_not(folder: Path, dockerfile: str) -> str:
    made = own(folder, dockerfile)
    assert made.dockerfile is None, made
    return made.evidence[-1]


@pytest.mark.parametrize(
    ("dockerfile", "why"),
    [
        ("# syntax=evil/frontend:1\nFROM debian" + END, "wants the frontend evil/frontend:1"),
        ("FROM debian\nARG U=https://x.example/a\nADD ${U} /t/" + END, "ADD of https://x.example/a would be fetched"),
        ("FROM debian\nADD git@github.com:o/n.git /t/" + END, "ADD of git@github.com:o/n.git would be fetched"),
        ('FROM debian\nADD ["HTTP://x.example/a", "/t/"]' + END, "ADD of HTTP://x.example/a"),
        ("FROM secret.example/base:1" + END, "secret.example/base:1, which cannot be had here"),
        ("ARG B=fedora\nFROM $B" + END, "stands on fedora"),
        ("FROM debian\nCOPY --from=nginx:1 /etc /etc" + END, "COPY --from=nginx:1 takes files of an image"),
        ("FROM debian\nRUN --mount=type=secret,id=k cat /run/secrets/k" + END, "--mount=type=secret"),
        ("FROM debian\nRUN --mount=type=ssh ls" + END, "--mount=type=ssh"),
        ("FROM debian\nRUN --network=host curl x" + END, "RUN --network=host is not allowed"),
        ("FROM debian\nRUN --security=insecure ls" + END, "RUN --security=insecure is not allowed"),
        ("FROM alpine:3\nRUN apk add --no-cache python3" + END, "packages of Alpine"),
        ("FROM python:2.7" + END, "Python 2 is no longer offered"),
        ("FROM debian\nFLY me" + END, "instruction FLY is not known (line 2)"),
        ("RUN ls\nFROM debian" + END, "RUN stands before the first FROM"),
        ("FROM debian\n" + "RUN true\n" * 200 + END, "more than 200 instructions"),
        ("FROM debian\nENV A=aaaaaaaa\n" + "ENV A=$A$A$A$A\n" * 12 + END, "a variable is too long"),
        ("FROM debian\nRUN <<E\nls\n" + END, "the text after <<E has no end"),
        ("FROM debian\n" + "RUN true\n" * 95 + END, "more than 90 layers"),
        ("# only a comment\n", "has no FROM"),
        ("FROM debian\nCOPY . /t\nENTRYPOINT python3 /t/tool.py\n", "ENTRYPOINT is a shell line, which drops the arguments"),
        ('FROM debian\nCOPY . /t\nENTRYPOINT ["sh", "-c", "python3 /t/tool.py"]\n', "drops the arguments (a shell line)"),
        ('FROM debian\nCOPY . /t\nCMD ["gunicorn", "tool:app"]\n', "starts gunicorn, not a command-line tool"),
        ('FROM python:3\nCOPY . /t\nCMD ["python", "-m", "flask", "run"]\n', "starts flask"),
        ('FROM python:3\nCOPY . /t\nCMD ["python3"]\n', "python3 alone"),
        ('FROM debian\nCOPY . /t\nCMD ["bash"]\n', "is a shell, not a tool"),
        ("FROM debian\nCOPY . /t\n", "says no command"),
        ('FROM debian\nENTRYPOINT ["tool"]\n', "copies nothing of this repository"),
        ('FROM debian\nCOPY r.txt /\nRUN git clone --depth 1 https://x.example/o/tool.git\nENTRYPOINT ["t"]\n', "from elsewhere"),
        ('FROM debian\nCOPY r.txt /\nRUN pip3 install --no-cache-dir tool==$V\nENTRYPOINT ["tool"]\n', "a published tool from elsewhere"),
        ('FROM golang\nCOPY r.txt /\nRUN go install github.com/o/tool@latest\nENTRYPOINT ["tool"]\n', "from elsewhere"),
        ('FROM debian\nCOPY r /\nRUN curl -L https://github.com/o/tool/archive/main.tar.gz\nENTRYPOINT ["t"]\n', "from elsewhere"),
    ],
)  # fmt: skip
def test_a_dockerfile_that_would_not_do_is_refused_in_one_sentence(
    tmp_path: Path, dockerfile: str, why: str
) -> None:
    said = why_not(tmp_path, dockerfile)

    assert said.startswith("The repository's Dockerfile is not used: ") and why in said


@pytest.mark.parametrize(
    "text",
    [
        "FROM\n", "FROM debian as\n", 'FROM debian\nCOPY ["a"]\n', "FROM debian\nENV\n", "FROM debian\nUSER $(id)\n",
        "FROM debian\nARG 1x\n", "FROM debian\nENV a-b=c\n", "FROM debian\nSHELL bash\n", "FROM debian\nCOPY ${x a b\n",
        "FROM debian\nCOPY --chown=a;b a b\n", "FROM debian\nCOPY --chmod=999 a b\n", "\0", "FROM debian\nCOPY --from=0 a b\n",
    ],
)  # fmt: skip
def test_nonsense_is_refused_and_never_an_error(text: str) -> None:
    with pytest.raises(Refused):
        read(text + "RUN x\n" if text == "\0" else text, RECIPES)


def test_the_last_stage_decides_and_only_needed_stages_count() -> None:
    found = read(
        "FROM golang:1.24 AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /out/tool\n"
        "FROM node:20 AS unused\nRUN npm ci\n"
        "FROM gcr.io/distroless/static-debian12\nCOPY --from=build /out/tool /\n"
        'USER nonroot:nonroot\nENTRYPOINT ["/tool"]\n',
        RECIPES,
    )

    assert found.needed() == [0, 2]
    assert [found.base_of(n).recipe for n in found.needed()] == ["go1.24", "docker-debian"]
    assert [a.stage for a in found.last.actions if isinstance(a, Copy)] == [0]
    assert len(found.notes) == 2 and "golang:1.24 is replaced by our base go1.24" in found.notes[0]


def test_variables_reach_where_docker_takes_them() -> None:
    found = read(
        "ARG V=3\nFROM debian\nARG V\nARG W=${V:-9}1\nENV P=/opt:$PATH Q='$V' R=${W:+set}\nENV S a b\n"
        "WORKDIR /a\nWORKDIR b\\$c\nRUN echo $V\n",
        RECIPES,
    )
    run = found.last.actions[-1]

    assert isinstance(run, Run)
    assert run.argv == ("/bin/sh", "-c", "echo $V")  # the shell's own to expand
    assert (run.env["V"], run.env["W"], run.env["R"], run.env["Q"]) == ("3", "31", "set", "$V")
    assert run.env["P"].startswith("/opt:/usr/local/sbin:") and run.env["S"] == "a b"
    assert run.workdir == "/a/b$c"
    assert "V" not in found.last.env


def test_continued_lines_comments_and_other_shells() -> None:
    found = read(
        'FROM debian\nSHELL ["/bin/bash", "-c"]\nRUN a && \\\n\n  # not this\n  b \\\n  c\nRUN ["x", "y z"]\nRUN <<E\none\ntwo\nE\n'
        "RUN cat <<F > /x && echo $((1<<2)) '<<G'\nfile\nF\n",
        RECIPES,
    )
    runs = [a.argv for a in found.last.actions if isinstance(a, Run)]

    assert runs[0][:2] == ("/bin/bash", "-c") and runs[0][2].split() == ["a", "&&", "b", "c"]
    assert runs[1:] == [
        ("x", "y z"),
        ("/bin/bash", "-c", "one\ntwo\n"),
        ("/bin/bash", "-c", "cat <<F > /x && echo $((1<<2)) '<<G'\nfile\nF\n"),
    ]


@pytest.mark.parametrize(
    ("image", "recipe"),
    [
        ("debian:stable-slim", "docker-debian"), ("docker.io/library/ubuntu:22.04", "docker-debian"), ("alpine", "docker-debian"),
        ("scratch", "docker-debian"), ("python:3.12-slim-bookworm", "docker-python"), ("python@sha256:aa", "docker-python"),
        ("node:18-alpine", "docker-node22"), ("node:lts", "docker-node24"), ("node:23", "docker-node24"),
        ("golang:1.20", "go1.24"), ("golang:1.25-alpine", "go1.27"), ("golang", "go1.27"), ("eclipse-temurin:21-jre", "java17"),
        ("maven:3.9-eclipse-temurin-17", "java17"), ("gcr.io/distroless/java17-debian12", "java17"), ("ruby:3.3", "ruby"),
    ],
)  # fmt: skip
def test_public_bases_are_mapped(image: str, recipe: str) -> None:
    assert base_for(image, RECIPES).recipe == recipe


def test_the_command_is_found_without_the_working_folder(tmp_path: Path) -> None:
    files = 'FROM python:3\nWORKDIR /opt/x\nCOPY . .\nENV A=b\nENTRYPOINT ["tini", "--", "python"]\nCMD ["-m", "tool"]\n'
    made = own(tmp_path, files)

    assert made.runtime == "dockerfile" and made.base == "docker-python"
    assert made.commands[0].name == "tool"
    assert made.commands[0].run == ["tini", "--", "python", "-m", "tool"]
    assert made.env["PYTHONPATH"] == "/opt/x" and made.env["A"] == "b"
    assert resolved(["python", "tool.py", "--x", "data"], "/opt/x", {"tool.py"}) == [
        "python", "/opt/x/tool.py", "--x", "data",
    ]  # fmt: skip
    assert resolved(["./bin/../t", "t"], "/opt/x", set()) == ["/opt/x/t", "t"]


def test_the_dockerfile_comes_first_and_native_plans_after_it(tmp_path: Path) -> None:
    repository = {"Dockerfile": "FROM debian" + END, "tool.py": ARGPARSE}
    files = tree(tmp_path, repository)

    found = candidates(files, Facts("tool"))
    assert [plan.runtime for plan in found.plans] == ["dockerfile", "python"]
    assert found.plans[0].network == found.plans[1].network
    assert [p.runtime for p in candidates(files, Facts("tool"), runtime="python").plans] == [
        "python"
    ]
    assert [p.runtime for p in candidates(files, Facts("tool"), runtime="dockerfile").plans] == [
        "dockerfile"
    ]
    asked = candidates(files, Facts("tool", "python3 tool.py -v"))
    assert asked.plans[0].runtime == "python"


def test_without_a_dockerfile_it_cannot_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match="has no Dockerfile"):
        candidates(tree(tmp_path, {"tool.py": ARGPARSE}), Facts("tool"), runtime="dockerfile")


def test_a_repository_with_nothing_but_a_dockerfile_has_a_plan(tmp_path: Path) -> None:
    files = {"Dockerfile": 'FROM debian\nCOPY data /d\nENTRYPOINT ["sort", "/d"]\n', "data": "x\n"}

    found = candidates(tree(tmp_path, files), Facts("sorted"))

    assert [plan.runtime for plan in found.plans] == ["dockerfile"]
    assert found.plans[0].commands[0].name == "sort"


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("a.md", True), ("README.md", False), ("docs/x/y.txt", True), ("src/deep/z.log", True), ("z.log", True),
        ("keep/x", True), ("keep/this", False), ("other", False), ("a/tmp", True), ("a/b/tmp", False),
    ],
)  # fmt: skip
def test_ignore_rules_are_those_of_docker(path: str, ignored: bool) -> None:
    rules = ignore_rules("# c\n*.md\n!README.md\n/docs/\n**/*.log\nkeep\n!keep/this\n*/tmp\n..\n\n")

    assert is_ignored(path, rules) is ignored


def test_ignore_rules_that_are_made_to_be_slow_are_not() -> None:
    rules = ignore_rules("/".join(["**"] * 60) + "/x\n" + "*a" * 60 + "b\n")

    assert is_ignored("/".join(["a" * 250] * 15), rules) is False


def copied(folder: Path, *sources: str, texts: tuple[tuple[str, str], ...] = ()) -> list[str]:
    target = folder.parent / "staged"
    context = Context.of(folder, "Dockerfile", sources)
    context.stage(Copy(sources, "/t", texts=texts, unpack=True), target)
    return sorted(p.relative_to(target).as_posix() for p in target.rglob("*") if not p.is_dir())


def test_what_is_copied_stays_below_the_repository(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    folder = tmp_path / "r"
    tree(
        folder,
        {"a/x.py": "", "a/y.py": "", "a/b/z.py": "", "k.tar.gz": "", ".dockerignore": "a/y.py\n"},
    )
    (folder / "link").symlink_to("../outside")

    assert copied(folder, "../../a", "a/*.py", "k.tar.gz", "link") == [
        "000d/b/z.py", "000d/x.py", "001f/x.py", "002t/k.tar.gz", "003f/link",
    ]  # fmt: skip
    assert (tmp_path / "staged/003f/link").is_symlink()
    with pytest.raises(Refused, match=r"copies a/y\.py, which the repository"):
        copied(folder, "a/y.py")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('a "b c" d\\ e \'f"\' ""', ["a", "b c", "d e", 'f"', ""]),
        ("  ", []),
        ('"a\\"b" \'a\\b\'', ['a"b', "a\\b"]),
    ],
)
def test_words_are_split_as_in_a_shell(text: str, found: list[str]) -> None:
    assert words.split(text) == found


@pytest.mark.parametrize("script", ["docker-entrypoint", "entrypoint.sh", "docker_start.sh", "run"])
def test_a_start_script_is_called_like_the_tool(tmp_path: Path, script: str) -> None:
    text = f'FROM python:3.11\nCOPY . /t/\nENTRYPOINT ["/t/{script}"]\n'
    made = own(tmp_path, text, {f"{script}*": "#!/bin/sh\nexec python3 /t/tool.py\n"})

    assert made.dockerfile is not None
    assert (made.commands[0].name, made.commands[0].run) == ("tool.py", [f"/t/{script}"])

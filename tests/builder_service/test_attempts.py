"""The order of a build's plans, and what is said of them: pure."""

from builder_service.attempts import MOST, Attempts
from builder_service.failures import BuildFailed
from shared.plan import Command, OwnDockerfile, Plan

COMMANDS = [Command(name="t", run=["t"], evidence="")]
DOCKERFILE = Plan(
    runtime="dockerfile",
    base="docker-debian",
    commands=COMMANDS,
    dockerfile=OwnDockerfile(path="Dockerfile", text="FROM debian"),
)
PYTHON = Plan(runtime="python", base="python", commands=COMMANDS)
SHELL = Plan(runtime="shell", base="shell", commands=COMMANDS)


def add_zlib(plan: Plan, said: str) -> tuple[Plan, str] | None:
    if "zlib.h" not in said:
        return None
    packages = [*plan.system_packages, "zlib1g-dev"]
    return plan.model_copy(update={"system_packages": packages}), "zlib1g-dev was added."


def test_the_next_candidate_follows_a_failure_and_one_sentence_says_so() -> None:
    attempts = Attempts([DOCKERFILE, PYTHON], add_zlib)

    first = attempts.next()
    assert first is DOCKERFILE
    assert attempts.failed(DOCKERFILE, BuildFailed("The step “RUN” failed.")) == ""
    second = attempts.next()
    assert second is PYTHON
    made = attempts.succeeded(PYTHON)

    assert made.evidence == [
        "Tried the repository's Dockerfile (The step “RUN” failed); built as a Python tool instead."
    ]
    assert [one.reason for one in attempts.tried] == ["The step “RUN” failed.", ""]


def test_a_repaired_plan_comes_before_the_next_candidate() -> None:
    attempts = Attempts([PYTHON, SHELL], add_zlib)
    attempts.next()

    why = attempts.failed(PYTHON, BuildFailed("It failed.", said="fatal error: zlib.h: No such"))
    repaired = attempts.next()

    assert why == "zlib1g-dev was added."
    assert repaired is not None and repaired.system_packages == ["zlib1g-dev"]
    assert repaired.evidence == [why]
    assert attempts.next() is SHELL


def test_no_build_tries_more_than_the_most() -> None:
    attempts = Attempts([PYTHON] * (MOST + 3), lambda plan, said: (plan, "again"))
    count = 0
    while (plan := attempts.next()) is not None:
        count += 1
        attempts.failed(plan, BuildFailed("No."))

    assert count == MOST == len(attempts.tried)


def test_the_end_tells_the_last_reason_and_what_was_tried_before() -> None:
    attempts = Attempts([DOCKERFILE, PYTHON], add_zlib)
    attempts.next()
    attempts.failed(DOCKERFILE, BuildFailed("No base."))
    attempts.next()
    attempts.failed(PYTHON, BuildFailed("No wheel."))

    assert attempts.failure() == "No wheel. Tried before: the repository's Dockerfile (No base)."


def test_a_single_plan_that_fails_says_only_why() -> None:
    attempts = Attempts([PYTHON], add_zlib)
    attempts.next()
    attempts.failed(PYTHON, BuildFailed("No wheel."))

    assert attempts.failure() == "No wheel."

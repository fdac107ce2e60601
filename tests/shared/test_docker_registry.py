"""A transfer of minutes is looked at while it goes on."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from shared.docker_registry import RegistryCalls
from shared.work import ImageAccess

ACCESS = ImageAccess(repository="registry.example/a/tool", secret=SecretStr("x"))


class Ended(Exception):
    pass


class Endless:
    """The engine's answer to a transfer that does not come to its end."""

    status_code = 200

    def __init__(self) -> None:
        self.closed = False

    def __enter__(self) -> "Endless":
        return self

    def __exit__(self, *error: object) -> None:
        self.closed = True

    def iter_lines(self) -> Iterator[bytes]:
        for n in itertools.count():
            assert n < 1000, "nobody looked"
            yield json.dumps({"status": "Pushing", "progress": n}).encode()


class Engine:
    base_url, api_version = "http+docker://localhost", "1.41"

    def __init__(self) -> None:
        self.answer = Endless()
        self.slow = self

    def post(self, *_: object, **__: object) -> Endless:
        return self.answer


@pytest.mark.parametrize("transfer", ["push", "pull"])
def test_a_transfer_ends_with_the_job_that_wanted_it(transfer: str) -> None:
    engine: Any = Engine()
    looks = itertools.count()

    def check() -> None:
        if next(looks) == 3:
            raise Ended

    calls = RegistryCalls(engine, ACCESS, 600, check)
    with pytest.raises(Ended):
        calls.push("v1") if transfer == "push" else calls.pull("registry.example/a/tool:v1")
    assert engine.answer.closed
    assert next(looks) == 4

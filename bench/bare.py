"""The same containers without a platform: what the engine alone needs."""

import secrets
from pathlib import Path

import docker

from bench.context import Hello
from shared.containers import Mount, Sandbox
from shared.sandbox_flags import create_body
from shared.work import Limits


def run_once(engine: docker.APIClient, hello: Hello, work: Path) -> None:
    """Create, start, wait, remove: one run with the flags of every run."""
    sandbox = Sandbox(
        name=f"bare-{secrets.token_hex(6)}",
        image=hello.image,
        argv=hello.run,
        kind="run",
        limits=Limits(),
        mounts=(Mount(work, "/work"),),
    )
    body = create_body(sandbox, installation="bench")
    container = engine.create_container_from_config(body, name=sandbox.name)["Id"]
    try:
        engine.start(container)
        exited = engine.wait(container)["StatusCode"]
    finally:
        engine.remove_container(container, force=True)
    if exited != 0:
        raise AssertionError(f"the bare container exited with {exited}")

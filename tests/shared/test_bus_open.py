"""The right bus by its address, and nobody pays for the others."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared import bus_open

WORKERS = ("builder_service.__main__", "runner_service.__main__", "runner_service.janitor")


@pytest.mark.parametrize("module", WORKERS)
def test_a_worker_loads_no_database_and_no_sdk_of_another_bus(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert module in loaded
    assert not loaded & {"boto3", "botocore", "kombu", "sqlalchemy", "alembic", "flask", "smtplib"}


@pytest.mark.parametrize("module", bus_open._ADAPTERS.values())
def test_an_adapter_loaded_by_name_has_what_is_called(module: str) -> None:
    code = (
        f"import {module} as adapter; print(callable(adapter.open_at), callable(adapter.provision))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["True", "True"]


@pytest.mark.parametrize(
    "url",
    [
        *("", "sqlite://", "sqlite:///", "sns-sqs://", "amqp://", "amqps://", "sns-sqs:///x"),
        # kombu would take these, and lose messages
        *("redis://127.0.0.1", "memory://", "filesystem://", "sqla+sqlite:///x", "pyamqp://x"),
    ],
)
def test_an_address_that_means_nothing_is_refused_with_what_is_possible(
    url: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="must be sqlite:///PATH, sns-sqs://PREFIX or amqps://"):
        bus_open.open_bus(url, tmp_path)


@pytest.mark.parametrize(
    "url", ["redis://me:s3cret@127.0.0.1", "amqp://me:s3cret@h/?prefix=a*&plain=1"]
)
def test_a_refusal_tells_no_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as refused:
        bus_open.open_bus(url, tmp_path)
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in bus_open.shown(url)
    assert bus_open.shown("sqlite:///x/bus.db") == "sqlite:///x/bus.db"


@pytest.mark.parametrize(
    "url",
    [
        *("amqp://me:s3cret@mq.example.org/", "amqp://me:s3cret@10.0.0.7:5672/v?prefix=a"),
        *("amqp://me:s3cret@localhost.example.org/", "amqp://me:s3cret@mq/?plain=0"),
    ],
)
def test_no_password_crosses_a_network_in_clear_unless_that_is_said(
    url: str, tmp_path: Path
) -> None:
    for refuse in (lambda: bus_open.open_bus(url, tmp_path), lambda: bus_open.provision(url)):
        with pytest.raises(
            ValueError, match=r"unencrypted. Write amqps://, or add \?plain=1"
        ) as refused:
            refuse()
        assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        *("amqp://me:x@127.0.0.1:5672/", "amqp://me:x@[::1]/", "amqp://me:x@localhost/v?prefix=a"),
        *("amqp://me:x@mq.example.org/?plain=1", "amqp://me:x@10.0.0.7/?prefix=a&plain=1"),
        *("amqps://me:x@mq.example.org/", "amqps://me:x@10.0.0.7:5671/v?prefix=a"),
    ],
)
def test_on_this_machine_in_private_or_under_tls_it_may(url: str, tmp_path: Path) -> None:
    bus_open.open_bus(url, tmp_path).close()


def test_an_authority_that_is_not_there_is_told_at_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"missing\.pem, which is not there"):
        bus_open.open_bus(f"amqps://me:x@mq.example.org/?ca={tmp_path}/missing.pem", tmp_path)

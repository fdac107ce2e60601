"""The shape of the house (DESIGN 5), as far as a program can see it."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from shared import events, topology

ROOT = Path(__file__).parent.parent
SERVICES = ("web", "builder_service", "runner_service", "archiver_service", "notifier")
PACKAGES = (*SERVICES, "shared", "cli")
QUEUE_OF = {
    "builder_service": "builder",
    "runner_service": "runner",
    "archiver_service": "archiver",
    "notifier": "notifier",
    "web": "web",
}

SECOND_QUEUES = {"on_preview_requested": "previewer"}
"""A look at a repository does not wait behind builds."""

AWS_ADAPTERS = {
    "shared/bucket_s3.py",
    "shared/bus_sns_sqs.py",
    "shared/images_ecr.py",
    "shared/objects_s3.py",
    "shared/secrets_aws.py",
    "shared/storage_credentials_sts.py",
    "shared/uploads_s3.py",
    "shared/versions_s3.py",
    "notifier/mailer_ses.py",
    "web/worker_groups_ec2.py",
    "cli/aws",
    "shared/aws_enrolment.py",
    "shared/ship_logs.py",
}


def modules(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> set[str]:
    """Full names of all that a module imports, `from a import b` as `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def subscriptions_by_files() -> set[tuple[str, str]]:
    """(queue, event type) of every `on_<event>.py`."""
    names = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower(): kind for kind in events.EVENT_TYPES}
    return {
        (
            SECOND_QUEUES.get(path.stem, QUEUE_OF[path.parent.name]),
            names[path.stem.removeprefix("on_")],
        )
        for path in ROOT.glob("*/on_*.py")
    }


def test_the_topology_is_what_the_files_say() -> None:
    listed = {(s.queue, kind.__name__) for s in topology.SUBSCRIPTIONS for kind in s.events}
    assert subscriptions_by_files() == listed


def test_every_event_belongs_to_a_topic_of_its_subscriptions() -> None:
    for subscription in topology.SUBSCRIPTIONS:
        assert {kind.topic for kind in subscription.events} == {subscription.topic}


def test_every_reaction_has_one_handle_function() -> None:
    for path in ROOT.glob("*/on_*.py"):
        names = [n.name for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)]
        assert "handle" in names, f"{name_of(path)} has no handle()"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_shape(service: str) -> None:
    present = {path.name for path in (ROOT / service).glob("*.py")}
    entry = {"flask_app.py"} if service == "web" else {"app.py"}
    assert present >= {"__main__.py", "settings.py"} | entry


def test_the_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_import_contracts_would_catch_a_sideways_import(tmp_path: Path) -> None:
    for package in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "root_packages"
    ]:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    (tmp_path / "notifier" / "bad.py").write_text("import web\n")
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "notifier.bad -> web" in done.stdout


@pytest.mark.parametrize(
    ("sdk", "homes"),
    [
        ("boto3", AWS_ADAPTERS),
        ("botocore", AWS_ADAPTERS),
        (
            "docker",
            {"shared/containers_docker.py", "shared/docker_engine.py", "shared/docker_images.py"},
        ),
        ("kombu", {"shared/amqp_line.py"}),
        ("sqlite3", {"shared/sqlite_driver.py"}),
        ("pysqlite3", {"shared/sqlite_driver.py"}),
        ("smtplib", {"notifier/mailer_smtp.py"}),
        ("flask", {"web"}),
        ("alembic", {"shared/migrate.py", "shared/migrations"}),
    ],
)
def test_only_the_adapter_imports_the_sdk(sdk: str, homes: set[str]) -> None:
    for path in modules(*PACKAGES):
        name = name_of(path)
        if any(name == home or name.startswith(home + "/") for home in homes):
            continue
        users = {i for i in imports(path) if i.split(".")[0] == sdk}
        assert not users, f"{name} imports {users}; only {sorted(homes)} may"


def test_the_environment_is_read_at_the_edge_only() -> None:
    for path in modules(*SERVICES, "shared"):
        is_program = 'if __name__ == "__main__":' in path.read_text()
        if path.name == "settings.py" or is_program:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            reads = isinstance(node, ast.Attribute) and ast.unparse(node) in (
                "os.environ",
                "os.getenv",
            )
            assert not reads, f"{name_of(path)}:{getattr(node, 'lineno', 0)} reads the environment"


def test_workers_reach_no_database_or_mail() -> None:
    forbidden = ("sqlalchemy", "psycopg", "shared.db", "shared.schema", "shared.outbox", "smtplib")
    for path in modules("builder_service", "runner_service"):
        users = {i for i in imports(path) if i.startswith(forbidden)}
        assert not users, f"{name_of(path)} imports {users}"


def test_no_utils() -> None:
    names = {path.stem for path in modules(*PACKAGES)}
    assert not names & {"utils", "util", "helpers", "common", "misc", "http", "queue", "logging"}


def test_no_shell() -> None:
    for path in modules(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            shell = [k for k in node.keywords if k.arg == "shell"]
            function = ast.unparse(node.func)
            assert not shell and function not in ("os.system", "os.popen"), (
                f"{name_of(path)}:{node.lineno} uses a shell"
            )


def test_no_f_strings_in_log_lines() -> None:
    methods = {"debug", "info", "warning", "error", "exception", "critical"}
    for path in modules(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in methods
                and ast.unparse(node.func.value) in ("log", "logger", "_log")
            ):
                assert not any(isinstance(a, ast.JoinedStr) for a in node.args), (
                    f"{name_of(path)}:{node.lineno} formats a log line"
                )


def test_tests_mirror_the_services() -> None:
    for service in (*SERVICES, "shared"):
        assert list((ROOT / "tests" / service).glob("test_*.py")), f"tests/{service} is empty"

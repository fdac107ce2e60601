"""What holds for every store of secrets: files, Secrets Manager and the Parameter Store."""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from shared import secret_permissions, secret_store
from shared.ids import new_id
from shared.secret_store import SecretStore, SecretsUnavailable
from shared.secrets_files import FileSecrets
from shared.secrets_open import Remembered, check, open_secrets
from shared.secrets_secretsmanager import SecretsManagerSecrets
from shared.secrets_ssm import SsmSecrets

PLACES = {"region": "us-east-1", "account": "000000000000"}
Opener = Callable[[], SecretStore]
REMOTE: dict[str, Callable[[str], SecretStore]] = {
    "secretsmanager": SecretsManagerSecrets,
    "ssm": SsmSecrets,
}


@pytest.fixture(params=["files", "secretsmanager", "ssm", "secretsmanager on moto", "ssm on moto"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens one and the same empty store, as several processes would."""
    kind, _, where = str(request.param).partition(" on ")
    if kind == "files":
        return lambda: FileSecrets(tmp_path / "secrets")
    request.getfixturevalue(where or "ministack")
    prefix = new_id("t")
    return lambda: REMOTE[kind](prefix)


@pytest.fixture
def store(opener: Opener) -> SecretStore:
    return opener()


def test_a_secret_that_nobody_made_is_not_there(store: SecretStore) -> None:
    assert store.find("worker-token") is None
    with pytest.raises(SecretsUnavailable, match=r"database-password.*put it there first"):
        secret_store.given(store, "database-password")


def test_a_secret_is_made_at_first_use_and_stays(store: SecretStore) -> None:
    made = secret_store.own(store, "worker-token")

    assert secret_store.own(store, "worker-token") == made
    assert store.find("worker-token") == made
    assert secret_store.own(store, "signing-key") != made
    assert len(made) >= 43


def test_what_stands_is_not_replaced(store: SecretStore) -> None:
    assert store.add("session-key", "the first one, long enough") == "the first one, long enough"
    assert store.add("session-key", "another one") == "the first one, long enough"


def test_many_at_once_get_the_same_one(opener: Opener) -> None:
    stores = [opener() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda store: secret_store.own(store, "sealing-key"), stores))

    assert len(set(found)) == 1


def test_a_key_of_several_lines_is_kept_as_it_is(store: SecretStore) -> None:
    text = "-----BEGIN KEY-----\nabc123\ndef456\n-----END KEY-----"
    assert store.add("registry-key", text) == text
    assert store.find("registry-key") == text


@pytest.mark.parametrize("weak", ["", "secret", "changeme", "0" * 40, "password" * 5])
def test_nothing_starts_on_a_secret_that_can_be_guessed(tmp_path: Path, weak: str) -> None:
    store = FileSecrets(tmp_path)
    store.add("signing-key", weak)
    with pytest.raises(SecretsUnavailable, match="signing-key is too short or too simple"):
        secret_store.own(store, "signing-key")


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    secret_store.own(FileSecrets(tmp_path / "secrets"), "worker-token")
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "secrets" / "worker-token").stat().st_mode & 0o777 == 0o600
    assert [p.name for p in (tmp_path / "secrets").iterdir()] == ["worker-token"]


def test_a_parameter_is_encrypted(ministack: str) -> None:
    prefix = new_id("t")
    secret_store.own(SsmSecrets(prefix), "worker-token")
    client = boto3.client("ssm")
    raw = client.get_parameter(Name=f"/{prefix}/worker-token", WithDecryption=False)["Parameter"]
    client.close()
    assert raw["Type"] == "SecureString"


def test_a_secret_is_asked_for_once_until_it_is_forgotten(tmp_path: Path) -> None:
    files = FileSecrets(tmp_path)
    store = Remembered(files)
    assert store.find("database-password") is None
    files.add("database-password", "one")
    assert store.find("database-password") == "one"

    (tmp_path / "database-password").write_text("two")
    assert store.find("database-password") == "one"
    store.forget("database-password")
    assert store.find("database-password") == "two"


@pytest.mark.parametrize("url", ["vault://x", "ssm://", "ssm:///x", "ssm://a b", "secretsmanager"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="secretsmanager://PREFIX or ssm://PREFIX"):
        check(url)


# Rights


def use_keys_of(document: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, everything opened acts as a user with this policy and no other."""
    iam = boto3.client("iam")
    name = new_id("user")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.close()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])


@pytest.mark.parametrize("kind", ["secretsmanager", "ssm"])
def test_a_worker_reads_its_token_and_nothing_else(
    kind: str, ministack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = new_id("t")
    operator = REMOTE[kind](prefix)
    token = secret_store.own(operator, "worker-token")
    secret_store.own(operator, "signing-key")

    policy = secret_permissions.reader(
        f"{kind}://{prefix}", secret_permissions.OF_A_WORKER, **PLACES
    )
    use_keys_of(policy, monkeypatch)
    worker = REMOTE[kind](prefix)

    assert secret_store.own(worker, "worker-token") == token
    with pytest.raises(SecretsUnavailable, match=r"may not read .*signing-key.*its role needs"):
        worker.find("signing-key")
    with pytest.raises(SecretsUnavailable, match=r"may not make .*mine.*its role needs"):
        worker.add("mine", "x" * 30)


@pytest.mark.parametrize("kind", ["secretsmanager", "ssm"])
def test_web_makes_what_is_missing_under_its_own_prefix_only(
    kind: str, ministack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = new_id("t")
    use_keys_of(secret_permissions.maker(f"{kind}://{prefix}", **PLACES), monkeypatch)

    assert len(secret_store.own(REMOTE[kind](prefix), "signing-key")) >= 43
    with pytest.raises(SecretsUnavailable):
        secret_store.own(REMOTE[kind](new_id("t")), "signing-key")


# A process


def test_a_process_without_rights_ends_with_a_sentence(
    ministack: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_keys_of(secret_permissions.reader("ssm://other", ["x"], **PLACES), monkeypatch)
    monkeypatch.setenv("TOOLYARD_SECRETS_URL", "secretsmanager://toolyard")
    monkeypatch.setenv("TOOLYARD_DATA", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "runner_service"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "may not read the secret toolyard/worker-token" in done.stderr
    assert "secretsmanager:GetSecretValue" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_sdk_is_loaded_only_where_it_is_chosen(tmp_path: Path) -> None:
    open_secrets("", tmp_path).add("a", "b")
    code = (
        "import sys; from shared.settings import Settings; Settings.read({}).secret('worker-token');"
        "print('boto3' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"TOOLYARD_DATA": str(tmp_path), "PYTHONPATH": "."},
        cwd=Path(__file__).parents[2],
    )
    assert said.stdout.strip() == "False"

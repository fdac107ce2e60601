"""The command line keeps its sign-in for this user only, and never sends it elsewhere."""

from pathlib import Path

from cli.settings import DEFAULT_URL, Account, account, keep


def test_a_kept_sign_in_is_readable_only_by_its_user(tmp_path: Path) -> None:
    file = tmp_path / "toolyard" / "login.json"

    keep(file, Account("https://one.example", "secret"))

    assert file.stat().st_mode & 0o777 == 0o600
    assert account({}, file) == Account("https://one.example", "secret")


def test_a_token_stays_with_the_address_that_it_was_made_for(tmp_path: Path) -> None:
    file = tmp_path / "login.json"
    keep(file, Account("https://one.example", "secret"))

    assert account({"TOOLYARD_URL": "https://two.example"}, file).token == ""


def test_the_environment_goes_first(tmp_path: Path) -> None:
    file = tmp_path / "login.json"
    keep(file, Account("https://one.example", "secret"))
    environ = {"TOOLYARD_URL": "https://two.example/", "TOOLYARD_TOKEN": "other"}

    assert account(environ, file) == Account("https://two.example", "other")
    assert account({}, tmp_path / "absent") == Account(DEFAULT_URL, "")

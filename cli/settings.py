"""Where the command line talks to and as whom: the environment, then what `toolyard login` kept."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Account:
    """The platform's address and the token for it (empty: nobody is signed in)."""

    url: str
    token: str


def config_file() -> Path:
    """The file of `toolyard login`, in the place that the operating system has for such files."""
    import platformdirs

    return Path(platformdirs.user_config_dir("toolyard")) / "login.json"


def account(environ: Mapping[str, str], file: Path) -> Account:
    """Who we are; a kept token is used only for the address that it was made for."""
    kept = json.loads(file.read_text()) if file.is_file() else {}
    port = environ.get("TOOLYARD_PORT")
    default = f"http://127.0.0.1:{port}" if port else kept.get("url", DEFAULT_URL)
    url = (environ.get("TOOLYARD_URL") or default).rstrip("/")
    token = environ.get("TOOLYARD_TOKEN") or (
        kept.get("token", "") if kept.get("url") == url else ""
    )
    return Account(url, token)


def keep(file: Path, kept: Account) -> None:
    """Store the sign-in so that only this user can read it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as target:
        json.dump({"url": kept.url, "token": kept.token}, target)
    new.replace(file)

"""Which installation this is: one host may carry several, each with its own containers and rules."""

import os
import secrets
from pathlib import Path

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def installation_id(data: Path) -> str:
    """Four letters, drawn at first use and kept in the data folder; part of bridge and table names."""
    path = data / "installation"
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True)
        new = data / f".installation.{os.getpid()}.{secrets.token_hex(4)}"
        new.write_text("".join(secrets.choice(_ALPHABET) for _ in range(4)))
        try:
            os.link(new, path)  # fails when another process was first; its choice stands
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return path.read_text().strip()

"""How a run comes to start in a writable copy of its tool's repository."""

LEFT_OUT = (".git", "node_modules", ".venv", "venv", "target", "__pycache__")
"""Folders that a build fills and that no tool reads by a relative path; they may not fit a working folder."""

# Constant text. Where the copy does not fit, it fails, and the program is not started.
_SCRIPT = (
    "set -e; cd /app; find . -mindepth 1 -maxdepth 1 "
    + " ".join(f"! -name '{name}'" for name in LEFT_OUT)
    + " -exec cp -a --no-preserve=links -t /work -- {} +"
)

COPY_REPOSITORY = ["/bin/sh", "-c", _SCRIPT]
"""What a container of the tool's image does, before the tool runs, with the working folder at `/work`."""

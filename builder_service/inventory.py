"""What an image holds, asked of the image itself: Debian packages, Python distributions, Node packages."""

import json
import os
import re
import secrets
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from builder_service.step_runner import Steps
from builder_service.trial import trial

SECONDS = 60
MOST = 8 << 20
"""Bytes of the answer that are read."""
_COMPONENTS = 20_000

# Constant text. What Debian's packages bring is not looked for in their files. Each line: kind, name, version, in tabs; what a hostile image prints is data, not more.
_SCRIPT = r"""
dpkg-query -W -f='deb\t${Package}\t${Version}\n' 2>/dev/null
find / -xdev \( -path /proc -o -path /sys -o -path /work -o -path /tmp -o -path /var -o -path /etc -o -path /usr/share \
  -o -path /usr/include -o -path '/usr/lib/*-linux-gnu' \) -prune -o -type f \
  \( -name METADATA -path '*.dist-info/*' -o -name package.json -path '*/node_modules/*' \) -print0 >/tmp/found 2>/dev/null
grep -z '/METADATA$' /tmp/found | xargs -0 -r -n 200 awk '
    FNR == 1 { name = ""; version = ""; done = 0 }
    done { next }
    /^Name: / { name = $2 }
    /^Version: / { version = $2 }
    name != "" && version != "" { print "pypi\t" name "\t" version; done = 1 }
    /^\r?$/ { done = 1 }' 2>/dev/null
grep -z '/package.json$' /tmp/found |
  xargs -0 -r grep -Hom1 '"version"[[:space:]]*:[[:space:]]*"[^"]*"' 2>/dev/null |
  sed -nE 's#^.*/node_modules/((@[^/]+/)?[^/]+)/package\.json:"version"[[:space:]]*:[[:space:]]*"([^"]*)"$#npm\t\1\t\3#p'
exit 0
"""
_KINDS = frozenset({"deb", "pypi", "npm"})
_WORD = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, order=True)
class Component:
    """One package of an image or of a lock file: `kind` as in package URLs (`deb`, `pypi`, `npm`, …)."""

    kind: str
    name: str
    version: str


def inventory(image: str, steps: Steps, notes: Path) -> list[Component]:
    """What is installed, sorted; empty where the image cannot answer (it has no shell).

    A whole answer is kept in the folder `notes`.
    """
    note = notes / f"{image.removeprefix('sha256:')}.json"
    with suppress(OSError, ValueError, TypeError):
        return [Component(*words) for words in json.loads(note.read_text())]
    said = trial(image, ["sh", "-c", _SCRIPT], steps, seconds=SECONDS, kept=MOST)
    found = parse(said.out)
    if said.exit_code == 0:
        notes.mkdir(parents=True, exist_ok=True)
        new = note.with_name(f".{secrets.token_hex(8)}")
        new.write_text(json.dumps([astuple(one) for one in found]))
        new.replace(note)
    return found


def brings_packages(tree: Path) -> bool:
    """Whether a copy of this tree adds to what an image answers, or changes it."""
    return any(
        name == "node_modules" or name.endswith(".dist-info")
        for _, folders, files in os.walk(tree)
        for name in (*folders, *files)
    )


def parse(answer: bytes) -> list[Component]:
    """The components that an image named; lines that are none are left out."""
    found: set[Component] = set()
    for line in answer.decode(errors="replace").splitlines():
        words = line.split("\t")
        if len(words) == 3 and words[0] in _KINDS and all(_WORD.fullmatch(w) for w in words):
            found.add(Component(*words))
        if len(found) >= _COMPONENTS:
            break
    return sorted(found)

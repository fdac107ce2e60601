"""The files that a Dockerfile may copy: the tree without what `.dockerignore` names, never outside of it."""

import fnmatch
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from builder_service.own_dockerfile.refused import Refused
from builder_service.own_dockerfile.stages import Copy

_ARCHIVE = re.compile(r".+\.(?:tar|tar\.(?:gz|bz2|xz)|tgz|tbz2?|txz)\Z")


@dataclass
class Context:
    """Paths below the root, ignored ones left out."""

    root: Path
    files: dict[str, None] = field(default_factory=dict)
    """Regular files and symbolic links, in order."""
    folders: dict[str, None] = field(default_factory=dict)
    chosen: dict[str, list[str]] = field(default_factory=dict)
    """What each source of a `COPY` stands for."""

    @classmethod
    def of(cls, root: Path, dockerfile: str, sources: Iterable[str]) -> "Context":
        """The context of a Dockerfile in `root` (an ignore file beside it wins over the general one), and
        what these sources choose of it; `Refused` for one that chooses nothing."""
        found = cls(root)
        own, general = root / f"{dockerfile}.dockerignore", root / ".dockerignore"
        path = own if own.is_file() else general
        text = ""
        if path.is_file() and not path.is_symlink():
            text = path.read_bytes()[: 1 << 20].decode(errors="replace")
        rules = ignore_rules(text)
        takes_back = any(back for _, back in rules)
        for folder, names, files in os.walk(root):
            below = Path(folder).relative_to(root).as_posix()
            prefix = "" if below == "." else f"{below}/"
            links = [name for name in names if Path(folder, name).is_symlink()]
            names[:] = sorted(set(names) - set(links))
            if not takes_back:
                names[:] = [name for name in names if not is_ignored(prefix + name, rules)]
            for name in sorted([*files, *links]):
                if not is_ignored(prefix + name, rules):
                    found.files[prefix + name] = None
            for name in names:
                if not is_ignored(prefix + name, rules):
                    found.folders[prefix + name] = None
        for source in sources:
            found.chosen[source] = found._matching(source)
        return found

    def stage(self, copy: Copy, folder: Path) -> None:
        """What one instruction copies, as numbered folders: `000d` holds a folder's content, `000f` a file, `000t`
        an archive to unpack."""
        number = 0
        for source in copy.sources:
            for path in self.chosen[source]:
                kind = (
                    "d"
                    if path not in self.files
                    else "t"
                    if copy.unpack and _ARCHIVE.match(path)
                    else "f"
                )
                target = folder / f"{number:03}{kind}"
                target.mkdir(parents=True)
                number += 1
                if kind == "d":
                    self._copy_folder(path, target)
                else:
                    _copy_file(self.root / path, target / PurePosixPath(path).name)
        for name, text in copy.texts:
            target = folder / f"{number:03}f"
            target.mkdir(parents=True)
            number += 1
            (target / name).write_text(text)

    def _matching(self, source: str) -> list[str]:
        path = os.path.normpath("/" + source).lstrip("/")
        if not path:
            return [""]
        if path in self.files or path in self.folders:
            return [path]
        parts = path.split("/")
        found = [
            each
            for each in [*self.files, *self.folders]
            if each.count("/") == len(parts) - 1
            and all(
                fnmatch.fnmatchcase(name, p) for name, p in zip(each.split("/"), parts, strict=True)
            )
        ]
        if found or any(char in path for char in "*?["):
            return sorted(found)
        if any(each.startswith(path + "/") for each in self.files):
            return [path]  # an ignored folder of which some files are kept
        raise Refused(f"it copies {source}, which the repository does not have")

    def _copy_folder(self, path: str, target: Path) -> None:
        prefix = f"{path}/" if path else ""
        for each in self.folders:
            if each.startswith(prefix):
                (target / each.removeprefix(prefix)).mkdir(parents=True, exist_ok=True)
        for each in self.files:
            if each.startswith(prefix):
                below = target / each.removeprefix(prefix)
                below.parent.mkdir(parents=True, exist_ok=True)
                _copy_file(self.root / each, below)


def _copy_file(source: Path, target: Path) -> None:
    if source.is_symlink() or source.is_file():
        shutil.copy2(source, target, follow_symlinks=False)


Rules = list[tuple[list[str], bool]]
_MOST_RULES = 300


def ignore_rules(text: str) -> Rules:
    """Each line's pattern in parts, and whether it takes back an earlier one (`!`)."""
    rules: Rules = []
    for line in map(str.strip, text.splitlines()):
        back = line.startswith("!")
        pattern = os.path.normpath(line.removeprefix("!").strip() or "/").strip("/")
        if pattern and not line.startswith("#") and not pattern.startswith(".."):
            rules.append((pattern.split("/"), back))
    return rules[:_MOST_RULES]


def is_ignored(path: str, rules: Rules) -> bool:
    """The last rule that fits the path or a folder above it decides."""
    parts = path.split("/")
    ignored = False
    for pattern, back in rules:
        if ignored == back and _fits(parts, pattern):
            ignored = not back
    return ignored


def _fits(parts: list[str], pattern: list[str]) -> bool:
    """Whether the pattern fits the path or its beginning; `**` stands for any number of folders."""
    reached = {0}  # how many parts may have been used up so far
    for piece in pattern:
        if piece == "**":
            reached = set(range(min(reached), len(parts) + 1))
        else:
            reached = {
                n + 1 for n in reached if n < len(parts) and fnmatch.fnmatchcase(parts[n], piece)
            }
        if not reached:
            return False
    return max(reached) > 0

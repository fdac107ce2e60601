"""go.mod: the module's path, the Go that it asks for, what it requires and what it replaces."""

import re
from dataclasses import dataclass

from builder_service.detect.finding import NoPlan

OFFERED = ("1.27", "1.24")
"""Releases of Go that have a base image, the newest first."""

# What is older does not compile with the newest Go: module, first version that does, newest release before.
_NEEDS_OLDER = (("golang.org/x/tools", (0, 25), "1.24"),)


@dataclass(frozen=True)
class GoMod:
    """One go.mod."""

    folder: str
    """Where it lies, "" at the root."""
    path: str
    go: str
    toolchain: str
    requires: dict[str, str]

    def inside(self, import_path: str) -> bool:
        """Whether a package of this path is the module's own."""
        return import_path == self.path or import_path.startswith(self.path + "/")


def parse(folder: str, text: str) -> GoMod:
    """Raises `NoPlan` when the file names no module."""
    plain = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    lines, block = [], ""
    for raw in plain.splitlines():
        line = raw.split("//")[0].strip()
        opened = re.fullmatch(r"(\w+)\s*\(", line)
        if opened:
            block = opened[1]
        elif line == ")":
            block = ""
        elif line:
            lines.append(
                [*([block] if block else []), *(word.strip('"`') for word in line.split())]
            )
    said: dict[str, str] = {}
    requires: dict[str, str] = {}
    for verb, *words in lines:
        if verb in ("module", "go", "toolchain") and words:
            said[verb] = words[0]
        elif verb == "require" and len(words) >= 2:
            requires[words[0]] = words[1]
    if "module" not in said:
        where = f"{folder}/go.mod" if folder else "go.mod"
        raise NoPlan(
            f"{where} names no module. Its first line has to be like: module example.org/tool"
        )
    toolchain = said.get("toolchain", "").removeprefix("go")
    return GoMod(folder, said["module"], said.get("go", ""), toolchain, requires)


def choose_go(modules: list[GoMod]) -> str:
    """The newest release offered that satisfies every module; raises `NoPlan` when there is none."""
    for module in modules:
        if _number(module.go) > _number(OFFERED[0]):
            raise NoPlan(
                f"The tool needs Go {module.go}; builds here have Go {' and '.join(OFFERED)}. "
                "Choose an older tag of the repository as its ref."
            )
    lowest = max((_number(module.go) for module in modules), default=(0, 0))
    for name, working, release in _NEEDS_OLDER:
        used = [_number(m.requires[name].removeprefix("v")) for m in modules if name in m.requires]
        if any(version < working for version in used) and _number(release) >= lowest:
            return release
    return OFFERED[0]


def _number(text: str) -> tuple[int, int]:
    found = re.match(r"(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)


def plain_name(path: str) -> str:
    """What `go install` calls the program of a package: `example.org/tool/v2` gives `tool`."""
    parts = path.rstrip("/").split("/")
    if len(parts) > 1 and re.fullmatch(r"v\d+", parts[-1]):
        parts.pop()
    return re.sub(r"\.v\d+$|\.git$", "", parts[-1])

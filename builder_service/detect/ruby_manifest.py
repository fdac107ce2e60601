"""What a gemspec, a Gemfile and a Gemfile.lock say, read as text: nothing of them runs here."""

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from builder_service.detect.finding import same_name
from builder_service.detect.tree import Tree, normal

Gems = dict[str, str]
"""Name and requirement (`~> 2.3, < 3`; empty: any)."""

_STRING = r"""(?:['"]([^'"\n]*)['"]|%[qQ]?[<({\[]([^>)}\]\n]*)[>)}\]])"""
_DEPENDENCY = re.compile(
    r"\.add_(?:runtime_)?dependency\s*\(?\s*" + _STRING + r"(?:\.freeze)?([^\n]*(?:,\s*\n[^\n]*)*)"
)
_VERSION = re.compile(r"""['"<(]\s*((?:~>|[<>]=?|!=|=)?\s*\d[\w.]*)\s*['">)]""")
_EXECUTABLES = re.compile(
    r"\.executables?\s*(?:=|<<|\+=)\s*(%[wW]([\[({<|/]).*?[\])}>|/]|\[.*?\]|['\"][^'\"\n]+['\"]|[^\n]+)",
    re.DOTALL,
)
_FOR_OTHERS = re.compile(r"\b(?:if|unless)\b.*(?:PLATFORM|platform|jruby|java|mswin|mingw)")
_RUNTIME_GROUPS = frozenset(["default", "production", "runtime", "cli"])
_DEVELOPERS = frozenset(
    ["console", "setup", "rake", "rspec", "bundle", "rubocop", "guard", "yard", "cucumber", "test", "release", "pry"]
)  # fmt: skip


@dataclass(frozen=True)
class Gemspec:
    """A gem's manifest."""

    path: str
    name: str = ""
    executables: list[str] = field(default_factory=list)
    """Paths of the files."""
    dependencies: Gems = field(default_factory=dict)
    require_paths: list[str] = field(default_factory=lambda: ["lib"])
    extensions: list[str] = field(default_factory=list)
    ruby: str = ""


def gemspec(tree: Tree, name: str) -> Gemspec | None:
    """The gemspec in the root; of several the one named like the repository."""
    found = [entry for entry in tree.files if entry.suffix == ".gemspec" and entry.depth == 0]
    if not found:
        return None
    chosen = next((entry for entry in found if same_name(entry.stem, name)), found[0])
    text = code(tree.text(chosen.path))
    return Gemspec(
        path=chosen.path,
        name=_value(text, "name") or chosen.stem,
        executables=_executables(tree, text),
        dependencies={
            (quoted or other): _requirement(rest)
            for quoted, other, rest in _DEPENDENCY.findall(text)
            if not _FOR_OTHERS.search(rest.split("\n")[0])
        },
        require_paths=_list(text, "require_paths") or _list(text, "require_path") or ["lib"],
        extensions=[path for path in map(normal, _list(text, "extensions")) if tree.has(path)],
        ruby=_value(text, "required_ruby_version"),
    )


def gemfile(tree: Tree) -> tuple[Gems, list[str]]:
    """The Gemfile's gems for use, and the folders of those that lie in the repository."""
    gems: Gems = {}
    folders: list[str] = []
    blocks: list[bool] = []  # whether each open block holds gems for use
    for line in code(tree.text("Gemfile")).splitlines():
        words = line.strip()
        if words == "end" and blocks:
            blocks.pop()
        elif re.match(r"(?:if|unless|case)\b", words):
            blocks.append(True)
        elif re.search(r"\bdo\b(?:\s*\|.*\|)?$", words):
            groups = (
                re.findall(r":(\w+)|['\"](\w+)['\"]", words) if words.startswith("group") else []
            )
            blocks.append(not groups or any(set(pair) & _RUNTIME_GROUPS for pair in groups))
        elif match := re.match(r"gem\s*\(?\s*['\"]([\w.-]+)['\"](.*)", words):
            rest = match[2]
            grouped = re.search(r"\bgroups?(?::|\s*=>|['\"]\s*=>)\s*(\[[^\]]*\]|\S+)", rest)
            own = bool(
                grouped and not set(re.findall(r"\w+", grouped[1])) & _RUNTIME_GROUPS
            ) or bool(_FOR_OTHERS.search(rest))
            if own or not all(blocks):
                continue
            path = re.search(r"\bpath(?::|\s*=>)\s*['\"]([^'\"]+)['\"]", rest)
            if path and normal(path[1]):
                folders.append(normal(path[1]))
            else:
                gems[match[1]] = _requirement(rest)
    return gems, folders


def locked(tree: Tree, wanted: Gems) -> Gems | None:
    """The exact versions of these gems and of all that they need, needed ones first; None without a lock."""
    text = tree.text("Gemfile.lock") or tree.text("gems.locked")
    versions: dict[str, str] = {}
    needs: dict[str, list[str]] = {}
    current = ""
    for line in text.splitlines():
        if match := re.match(r"^ {4}([\w.-]+) \((\d[\w.]*)(?:-[\w-]+)?\)", line):
            current = match[1]
            versions[current] = match[2]
        elif (match := re.match(r"^ {6}([\w.-]+)", line)) and current:
            needs.setdefault(current, []).append(match[1])
        elif line and not line.startswith(" "):
            current = ""
    if not versions:
        return None
    found: Gems = {}

    def add(name: str, above: frozenset[str]) -> None:
        if name in found or name in above or name not in versions:
            return
        for other in needs.get(name, []):
            add(other, above | {name})
        found[name] = f"= {versions[name]}"

    for name in wanted:
        add(name, frozenset())
    return found | {name: wanted[name] for name in wanted if name not in found}


def code(text: str) -> str:
    """Ruby without comments."""
    text = re.sub(r"(?ms)^=begin\b.*?^=end\b", "", text)
    return re.sub(r"(?m)(^|\s)#(?!\{).*$", "", text)


def _value(text: str, name: str) -> str:
    match = re.search(rf"\.{name}\s*=\s*(?:Gem::Requirement\.new\()?\s*" + _STRING, text)
    return (match[1] or match[2] or "") if match else ""


def _list(text: str, name: str) -> list[str]:
    match = re.search(
        rf"\.{name}\s*(?:=|<<|\+=)\s*(%[wWi][\[({{<|].*?[\])}}>|]|\[.*?\]|['\"][^'\"\n]+['\"])",
        text,
        re.DOTALL,
    )
    return _strings(match[1]) if match else []


def _strings(literal: str) -> list[str]:
    if literal.startswith("%"):
        return literal[3:-1].split()
    return re.findall(r"['\"]([^'\"\n]+)['\"]", literal)


def _requirement(rest: str) -> str:
    return ", ".join(" ".join(found.split()) for found in _VERSION.findall(rest))


def _executables(tree: Tree, text: str) -> list[str]:
    found: list[str] = []
    folder = normal(_value(text, "bindir")) or "bin"
    for match in _EXECUTABLES.finditer(text):
        literal = match[1]
        if literal[:1] in "%['\"":
            found += [f"{folder}/{name}" for name in _strings(literal)]
            continue
        if "exe/" in literal and ".bindir" not in text:
            folder = "exe"
        found += [
            entry.path
            for entry in tree.files
            if "/".join(entry.folders) == folder and entry.stem not in _DEVELOPERS
        ]
    return [path for path in dict.fromkeys(found) if PurePosixPath(path).name]

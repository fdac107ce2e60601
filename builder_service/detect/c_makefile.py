"""Which programs a Makefile makes when it is asked for nothing in particular; read, never executed."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from builder_service.detect.tree import Tree, normal

NAMES = ("GNUmakefile", "Makefile", "makefile")
_ASSIGN = re.compile(r"^\s*(?:export\s+|override\s+)*([\w.-]+)\s*(\?|:{1,3}|\+|!)?=\s*(.*)$")
_RULE = re.compile(r"^([^\s#:=][^:=]*?)\s*::?(?!=)\s*(.*)$")
_DRIVER = re.compile(
    r"(?:^|[\s;&|@(/-])(?:cc|gcc|g\+\+|c\+\+|c99|clang|clang\+\+|tcc|icc|icpc|icpx|mpicc|mpicxx|mpic\+\+|ld|nvcc)(?:-[\d.]+)?\s"
)
_OUTPUT = re.compile(r"(?:^|\s)-o\s*([\w./+-]+)")
_DESCEND = re.compile(
    r"(?:\bmake\b|\$\(MAKE\))[^;&|]*?-C\s*([\w./-]+)|cd\s+([\w./-]+)\s*(?:&&|;)\s*(?:make\b|\$\(MAKE\))"
)
_NOT_PROGRAMS = (
    ".o",
    ".obj",
    ".lo",
    ".a",
    ".la",
    ".so",
    ".dylib",
    ".dll",
    ".d",
    ".js",
    ".wasm",
    ".html",
    ".s",
    ".i",
    ".pch",
    ".gch",
)
_BUILT_IN = {
    "CC": "cc", "CXX": "c++", "CPP": "cc -E", "LD": "ld", "LINK.c": "cc", "LINK.cc": "c++", "LINK.cpp": "c++", "LINK.o": "cc",
    "MAKE": "$(MAKE)", "RM": "rm -f", "CURDIR": ".", "OUTPUT_OPTION": "-o $@",
}  # fmt: skip
_DEEPEST = 24
_LONGEST = 20_000
_MOST_EXPANSIONS = 100_000
_MOST_RULES = 5_000
_MOST_WORDS = 400


@dataclass
class _Rule:
    needs: list[str] = field(default_factory=list)
    recipe: list[str] = field(default_factory=list)


class Makefile:
    """A Makefile's variables and rules, as far as they can be known without running it."""

    def __init__(self, tree: Tree, path: str, depth: int = 0) -> None:
        self._tree = tree
        self._folder = path.rpartition("/")[0]
        self._depth = depth
        self._variables: dict[str, str] = dict(_BUILT_IN)
        self._rules: dict[str, _Rule] = {}
        self._first = ""
        self._left = _MOST_EXPANSIONS
        self._stems = {entry.stem for entry in tree.files}
        self.text = ""
        self._read(path)

    @property
    def installs(self) -> bool:
        """Whether it has a rule `install`."""
        return "install" in self._rules

    def values(self) -> Iterator[tuple[str, str]]:
        """Every variable of its own with its value."""
        for name, value in self._variables.items():
            if name not in _BUILT_IN:
                yield name, self._expand(value)

    def programs(self) -> list[str]:
        """Paths, below the repository, of what `make` links into programs."""
        goal = "all" if "all" in self._rules else self._first
        found = list(dict.fromkeys(self._reach(goal, set())))
        return [path for path in found if path and not path.endswith(_NOT_PROGRAMS)][:60]

    def _read(self, path: str) -> None:
        text = self._tree.text(path)
        self.text += text
        current: list[_Rule] = []
        inside_define = False
        for line in re.sub(r"\\\r?\n[ \t]*", " ", text).splitlines():
            if inside_define or re.match(r"\s*define\b", line):
                inside_define = not re.match(r"\s*endef\b", line)
                continue
            if line.startswith("\t") and current:
                for rule in current:
                    rule.recipe.append(line.strip())
                continue
            bare = re.sub(r"(^|[^\\])#.*$", r"\1", line).rstrip()
            if not bare.strip():
                continue
            if match := re.match(r"\s*[-s]?include\s+(.+)$", bare):
                self._include(match[1])
            elif match := _ASSIGN.match(bare):
                self._assign(match[1], match[2] or "", match[3])
                current = []
            elif match := _RULE.match(bare.strip()):
                current = self._add(match[1], match[2])

    def _include(self, names: str) -> None:
        for name in self._expand(names).split():
            path = self._inside(name)
            if self._tree.has(path) and len(self.text) < 1 << 20:
                self._read(path)

    def _assign(self, name: str, operator: str, value: str) -> None:
        old = self._variables.get(name)
        if operator == "?" and old is not None and name not in _BUILT_IN:
            return
        if operator.startswith(":"):
            value = self._expand(value)
        if operator == "+" and old is not None:
            value = f"{old} {value}"
        if f"$({name})" not in value and f"${{{name}}}" not in value:
            self._variables[name] = value[:_LONGEST]

    def _add(self, targets: str, rest: str) -> list[_Rule]:
        if _ASSIGN.match(rest) or len(self._rules) > _MOST_RULES:  # a variable of one target
            return []
        needs, _, recipe = rest.partition(";")
        pattern, static, tail = needs.partition(":")
        rules = []
        for target in self._expand(targets).split():
            rule = self._rules.setdefault(self._place(target), _Rule())
            stem = _stem(pattern.strip(), target) if static else None
            wanted = tail.replace("%", stem) if stem is not None else needs
            rule.needs += self._expand(wanted.replace("|", " "), target).split()
            rule.recipe += [recipe.strip()] if recipe.strip() else []
            rules.append(rule)
            if not self._first and not target.startswith(".") and "%" not in target:
                self._first = self._place(target)
        return rules

    def _place(self, target: str) -> str:
        return target.removeprefix("./")

    def _reach(self, target: str, seen: set[str]) -> Iterator[str]:
        target = self._place(target)
        if target in seen or len(seen) > 2000:
            return
        seen.add(target)
        rule = self._rules.get(target) or _Rule()
        recipe = rule.recipe or self._by_pattern(target)
        for line in recipe:
            shown = self._expand(re.sub(r"\s#.*$", "", line), target)
            yield from self._descend(shown)
            yield from self._linked(shown)
        if not recipe and self._implicit(target, rule):
            yield self._below(target)
        for need in rule.needs:
            yield from self._reach(need, seen)

    def _linked(self, line: str) -> Iterator[str]:
        """What a recipe's line links: the argument of `-o` of a compiler that is not told to stop before."""
        for part in re.split(r"&&|;|\|\|", line):
            if _DRIVER.search(part + " ") and not re.search(
                r"\s-(?:c|S|E|shared|dynamiclib|M)(?:\s|$)", part
            ):
                for path in _OUTPUT.findall(part)[-1:]:
                    yield self._below(path)

    def _descend(self, line: str) -> Iterator[str]:
        for option, folder in _DESCEND.findall(line):
            below = self._inside(option or folder)
            path = next((f"{below}/{n}" for n in NAMES if self._tree.has(f"{below}/{n}")), None)
            if path is not None and self._depth < 3 and below != self._folder:
                yield from Makefile(self._tree, path, self._depth + 1).programs()

    def _by_pattern(self, target: str) -> list[str]:
        if target.endswith(_NOT_PROGRAMS) or target in self._phony():
            return []
        for name, rule in self._rules.items():
            stem = _stem(name, target) if "%" in name and rule.recipe else None
            if stem and all(self._can_be(need.replace("%", stem)) for need in rule.needs):
                return rule.recipe
        return []

    def _can_be(self, path: str) -> bool:
        """Whether a file is there, has a rule, or is the object of a source."""
        stem = path.rsplit("/", 1)[-1].removesuffix(".o")
        return (
            path in self._rules
            or self._tree.has(self._inside(path))
            or (path.endswith(".o") and stem in self._stems)
        )

    def _phony(self) -> list[str]:
        return ["all", *self._rules.get(".PHONY", _Rule()).needs]

    def _implicit(self, target: str, rule: _Rule) -> bool:
        """Whether Make's own rules link it: of objects, or of the source of the same name."""
        if PurePosixPath(target).suffix or target in self._phony():
            return False
        same = {f"{target}.o", *(f"{target}{suffix}" for suffix in (".c", ".cc", ".cpp"))}
        return bool(same & set(rule.needs)) or any(
            self._tree.has(self._below(path)) for path in same
        )

    def _below(self, path: str) -> str:
        return self._inside(path.removesuffix(".exe"))

    def _inside(self, path: str) -> str:
        return normal(f"{self._folder}/{path}" if self._folder else path)

    def _expand(self, text: str, target: str = "", depth: int = 0) -> str:
        if "$" not in text or depth > _DEEPEST or len(text) > _LONGEST:
            return text[:_LONGEST]
        self._left -= 1  # variables that stand for one another twice would take for ever
        if self._left < 0:
            return ""
        out, at = [], 0
        while at < len(text):
            if text[at] != "$" or at + 1 == len(text):
                out.append(text[at])
                at += 1
                continue
            opening = text[at + 1]
            if opening not in "({":
                out.append(self._automatic(opening, target, depth))
                at += 2
                continue
            end = _closing(text, at + 1)
            out.append(self._reference(text[at + 2 : end], target, depth + 1))
            at = end + 1
            if sum(map(len, out)) > _LONGEST:
                break
        return "".join(out)[:_LONGEST]

    def _automatic(self, letter: str, target: str, depth: int) -> str:
        if letter == "@":
            return target or "$@"
        if letter == "*":
            return target.rsplit(".", 1)[0]
        if letter in "<^+?$|":
            return ""
        return self._expand(self._variables.get(letter, ""), target, depth + 1)

    def _reference(self, inner: str, target: str, depth: int) -> str:
        function, _, rest = inner.partition(" ")
        if rest and (call := _FUNCTIONS.get(function)):
            arguments = [self._expand(part, target, depth).strip() for part in _arguments(rest)]
            return " ".join(call(self, arguments))
        if rest:
            return ""  # the shell's answer and the like cannot be known
        name, _, substitution = inner.partition(":")
        name = self._expand(name, target, depth)
        if name in ("@", "@F"):
            return target
        if name == "MAKE":
            return "$(MAKE)"
        value = self._expand(self._variables.get(name, ""), target, depth)
        if "=" in substitution:
            old, _, new = self._expand(substitution, target, depth).partition("=")
            pattern, made = (old, new) if "%" in old else (f"%{old}", f"%{new}")
            return " ".join(_replaced(word, pattern, made) for word in value.split())
        return value

    def _wildcard(self, arguments: list[str]) -> list[str]:
        found = []
        for pattern in " ".join(arguments).split()[:20]:
            whole = self._inside(pattern)
            prefix = f"{self._folder}/" if self._folder else ""
            found += [
                entry.path.removeprefix(prefix)
                for entry in self._tree.files
                if entry.path.count("/") == whole.count("/") and fnmatchcase(entry.path, whole)
            ]
        return found[:2000]


def _closing(text: str, at: int) -> int:
    pair = {"(": ")", "{": "}"}[text[at]]
    level = 0
    for index in range(at, len(text)):
        level += (text[index] == text[at]) - (text[index] == pair)
        if level == 0:
            return index
    return len(text)


def _arguments(text: str) -> list[str]:
    parts, level = [""], 0
    for letter in text:
        level += (letter in "({") - (letter in ")}")
        if letter == "," and level == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _stem(pattern: str, word: str) -> str | None:
    before, percent, after = pattern.partition("%")
    if not percent:
        return "" if pattern == word else None
    fits = (
        word.startswith(before) and word.endswith(after) and len(word) >= len(before) + len(after)
    )
    return word[len(before) : len(word) - len(after)] if fits else None


def _replaced(word: str, pattern: str, made: str) -> str:
    stem = _stem(pattern, word)
    return word if stem is None else made.replace("%", stem)


def _filtered(arguments: list[str], keep: bool) -> list[str]:
    patterns, words = arguments[0].split()[:_MOST_WORDS], arguments[-1].split()[:_MOST_WORDS]
    return [w for w in words if any(_stem(p, w) is not None for p in patterns) is keep]


_Function = Callable[[Makefile, list[str]], list[str]]
_FUNCTIONS: dict[str, _Function] = {
    "wildcard": Makefile._wildcard,
    "patsubst": lambda _, a: (
        [_replaced(w, a[0], a[1]) for w in a[2].split()] if len(a) == 3 else []
    ),
    "subst": lambda _, a: [a[2].replace(a[0], a[1])] if len(a) == 3 and a[0] else [],
    "addprefix": lambda _, a: [a[0] + word for word in a[-1].split()],
    "addsuffix": lambda _, a: [word + a[0] for word in a[-1].split()],
    "notdir": lambda _, a: [word.rsplit("/", 1)[-1] for word in a[0].split()],
    "basename": lambda _, a: [word.rsplit(".", 1)[0] for word in a[0].split()],
    "strip": lambda _, a: a[0].split(),
    "sort": lambda _, a: sorted(set(a[0].split())),
    "filter": lambda _, a: _filtered(a, True),
    "filter-out": lambda _, a: _filtered(a, False),
    "firstword": lambda _, a: a[0].split()[:1],
    "lastword": lambda _, a: a[0].split()[-1:],
}

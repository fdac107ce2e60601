"""Repositories of languages that nothing here builds: told by name, instead of a list of what was not found."""

from collections import Counter

from builder_service.detect.finding import is_aside
from builder_service.detect.tree import Tree

_SUFFIXES = {
    "hs": "Haskell", "lhs": "Haskell", "php": "PHP", "ex": "Elixir", "exs": "Elixir", "erl": "Erlang", "nim": "Nim",
    "zig": "Zig", "swift": "Swift", "kt": "Kotlin", "kts": "Kotlin", "scala": "Scala", "cs": "C#", "fs": "F#", "vb": "Visual Basic",
    "lua": "Lua", "ml": "OCaml", "mli": "OCaml", "jl": "Julia", "dart": "Dart", "cr": "Crystal", "d": "D", "clj": "Clojure",
    "f90": "Fortran", "f95": "Fortran", "f": "Fortran", "f03": "Fortran", "pas": "Pascal", "tcl": "Tcl", "rkt": "Racket",
    "lisp": "Lisp", "scm": "Scheme", "el": "Emacs Lisp", "v": "V", "vim": "Vim script", "ps1": "PowerShell", "groovy": "Groovy",
    "ipynb": "Jupyter notebooks", "m": "MATLAB or Objective-C", "mm": "Objective-C", "hx": "Haxe", "adb": "Ada", "cob": "COBOL",
    "nf": "Nextflow", "awk": "AWK", "bat": "Windows batch files", "purs": "PureScript", "elm": "Elm", "gleam": "Gleam",
}  # fmt: skip
_ASIDE_OF_OTHERS = frozenset(
    ["Jupyter notebooks", "AWK", "Windows batch files", "Vim script", "Emacs Lisp", "PowerShell", "MATLAB or Objective-C", "V", "D"]
)  # fmt: skip
"""Often data, examples or wrappers beside a tool of another language: they count only where nothing else was found."""
_CAP = 256 * 1024
"""Of one file: generated tables and notebooks with pictures weigh more than they say."""


def main_language(tree: Tree, ours: tuple[str, ...]) -> str:
    """The other language that most of the sources are written in, or "" where too many are of `ours`.

    `ours` are the extensions of a language that can be built and in which something was found; empty: nothing was.
    """
    sizes: Counter[str] = Counter()
    known = 0
    for entry in tree.files:
        if is_aside(entry.path):
            continue
        size = min(entry.size, _CAP)
        if entry.suffix and entry.suffix in ours:
            known += size
            continue
        language = _SUFFIXES.get(entry.suffix.removeprefix("."), "")
        if language and not (ours and language in _ASIDE_OF_OTHERS):
            sizes[language] += size
    language, size = max(sizes.items(), key=lambda item: item[1], default=("", 0))
    return language if size > 2 * known else ""

"""What autotools, CMake and Meson files say: the programs that are installed, and the libraries that are asked for."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from builder_service.detect.finding import is_aside
from builder_service.detect.tree import Tree
from builder_service.system_libraries import (
    package_for_cmake,
    package_for_header,
    package_for_library,
    package_for_pkgconfig,
)

_NAME = re.compile(r"[A-Za-z0-9_][\w.+-]*")


@dataclass
class Project:
    """The programs by name with the sentence that shows them, installed ones apart; and Debian packages."""

    installed: dict[str, str] = field(default_factory=dict)
    built: dict[str, str] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)

    def wants(self, packages: Iterable[str | None]) -> None:
        """Adds those that are known."""
        self.packages |= {package for package in packages if package}


def autotools(tree: Tree, main: str) -> Project:
    """`bin_PROGRAMS` of every Makefile.am, and what `main` (configure.ac) checks for."""
    project = Project()
    for entry in tree.files:
        if entry.name != "Makefile.am" and entry.suffix not in (".am", ".mk"):
            continue
        text = _joined(_uncommented(tree.text(entry.path)))
        for kind, names in re.findall(
            r"^\s*(\w*bin|noinst)_PROGRAMS\s*\+?=[ \t]*(.*)$", text, re.MULTILINE
        ):
            found = project.built if kind == "noinst" or is_aside(entry.path) else project.installed
            for name in _plain_names(names.replace("$(EXEEXT)", "")):
                found.setdefault(name, f"{name} in {kind}_PROGRAMS of {entry.path}")
    text = _joined(re.sub(r"^\s*dnl\b.*$|^\s*#.*$", "", tree.text(main), flags=re.MULTILINE))
    modules = re.findall(
        r"PKG_CHECK_(?:MODULES|EXISTS)(?:_STATIC)?\(\s*(?:\[?\w+\]?\s*,\s*)?\[?([^\]),]+)", text
    )
    project.wants(
        package_for_pkgconfig(name) for words in modules for name in re.split(r"[\s\"']+", words)
    )
    links = re.findall(r"AC_CHECK_LIB\(\s*\[?([\w+.-]+)", text)
    for words in re.findall(r"AC_SEARCH_LIBS\(\s*\[?[\w:]+\]?\s*,\s*\[?([^\]),]+)", text):
        links += words.split()
    project.wants(map(package_for_library, links))
    for words in re.findall(r"AC_CHECK_HEADERS?\(\s*\[?([^\]),]+)", text):
        project.wants(map(package_for_header, words.split()))
    for macro, program in _MACROS.items():
        if macro in text:
            project.packages.add(program)
    return project


_MACROS = {
    "AM_GNU_GETTEXT": "autopoint", "AX_LIB_READLINE": "libreadline-dev", "AX_WITH_CURSES": "libncurses-dev",
    "LIBCURL_CHECK_CONFIG": "libcurl4-openssl-dev", "AM_PATH_GSL": "libgsl-dev", "AX_CHECK_ZLIB": "zlib1g-dev",
    "AX_BOOST_BASE": "libboost-dev", "AX_CHECK_OPENSSL": "libssl-dev", "AC_PROG_SWIG": "swig", "AX_CODE_COVERAGE": "autoconf-archive",
    "AX_CXX_COMPILE_STDCXX": "autoconf-archive", "AX_PTHREAD": "autoconf-archive", "AX_CHECK_COMPILE_FLAG": "autoconf-archive",
    "AX_APPEND": "autoconf-archive", "AX_PROG_CC_FOR_BUILD": "autoconf-archive", "IT_PROG_INTLTOOL": "intltool",
}  # fmt: skip


def cmake(tree: Tree) -> Project:
    """`add_executable` and `install(TARGETS …)` of every CMakeLists.txt."""
    project = Project()
    variables: dict[str, str] = {}
    outputs: dict[str, str] = {}
    made: list[tuple[str, str]] = []
    installed: set[str] = set()
    for entry in tree.files:
        if entry.name != "CMakeLists.txt" and entry.suffix != ".cmake":
            continue
        for function, words in _calls(_uncommented(tree.text(entry.path))):
            words = [_known(word, variables) for word in words]
            if not words:
                continue
            if function == "project":
                variables.setdefault("PROJECT_NAME", words[0])
                variables.setdefault("CMAKE_PROJECT_NAME", words[0])
            elif function == "set" and len(words) == 2:
                variables[words[0]] = words[1]
            elif function == "add_executable" and not {"ALIAS", "IMPORTED"} & set(words):
                made.append((words[0], entry.path))
            elif function == "install" and words[0] in ("TARGETS", "PROGRAMS"):
                installed |= {w.rsplit("/", 1)[-1] for w in words[1:]}
            elif function == "set_target_properties" and "OUTPUT_NAME" in words:
                outputs[words[0]] = words[min(words.index("OUTPUT_NAME") + 1, len(words) - 1)]
            project.wants(_cmake_packages(function, words))
    for target, path in made:
        name = outputs.get(target, target)
        if _NAME.fullmatch(name):
            found = project.installed if target in installed else project.built
            how = "installed by" if target in installed else "add_executable in"
            found.setdefault(name, f"{name}, {how} {path}")
    return project


def _cmake_packages(function: str, words: list[str]) -> list[str | None]:
    if function == "find_package":
        packages = [package_for_cmake(words[0])]
        if words[0].lower() == "boost":
            packages += [package_for_library(f"boost_{word}") for word in words[1:]]
        return packages
    if function in ("pkg_check_modules", "pkg_search_module"):
        return [package_for_pkgconfig(re.split(r"[<>=]", word)[0]) for word in words[1:]]
    if function == "find_library":
        return [package_for_library(word) for word in words[1:]]
    if function == "find_path":
        return [package_for_header(word) for word in words[1:]]
    if function == "target_link_libraries":
        return [package_for_library(word) for word in words[1:]]
    return []


def meson(tree: Tree) -> Project:
    """`executable('…')` of every meson.build."""
    project = Project()
    for entry in tree.files:
        if entry.name != "meson.build":
            continue
        text = _uncommented(tree.text(entry.path))
        names = dict(re.findall(r"^\s*(\w+)\s*=\s*'([^']*)'", text, re.MULTILINE))
        if title := re.search(r"\bproject\(\s*'([^']+)'", text):
            names["meson.project_name()"] = title[1]
        for match in re.finditer(
            r"\bexecutable\(\s*('[^']+'|[\w.]+(?:\(\))?)(.*?)(?=\n\S|\Z)", text, re.DOTALL
        ):
            name = match[1].strip("'") if match[1].startswith("'") else names.get(match[1], "")
            if _NAME.fullmatch(name):
                installed = re.search(r"install\s*:\s*true", match[2]) and not is_aside(entry.path)
                found = project.installed if installed else project.built
                found.setdefault(name, f"{name}, executable() in {entry.path}")
        project.wants(map(package_for_pkgconfig, re.findall(r"\bdependency\(\s*'([^']+)'", text)))
        project.wants(map(package_for_cmake, re.findall(r"\bdependency\(\s*'([^']+)'", text)))
        project.wants(map(package_for_library, re.findall(r"find_library\(\s*'([^']+)'", text)))
    return project


def _calls(text: str) -> list[tuple[str, list[str]]]:
    found = re.findall(r"^[ \t]*(\w+)[ \t]*\(([^()]*(?:\([^()]*\)[^()]*)*)\)", text, re.MULTILINE)
    return [(name.lower(), re.findall(r'"[^"]*"|[^\s"]+', words)) for name, words in found]


def _known(word: str, variables: dict[str, str]) -> str:
    for _ in range(5):
        made = re.sub(r"\$\{(\w+)\}", lambda match: variables.get(match[1], match[0]), word)
        if made == word or len(made) > 1000:
            break
        word = made
    return word.strip('"')


def _plain_names(words: str) -> list[str]:
    return [word for word in words.split() if _NAME.fullmatch(word)]


def _joined(text: str) -> str:
    return re.sub(r"\\\r?\n", " ", text)


def _uncommented(text: str) -> str:
    return re.sub(r"(?m)(^|\s)#.*$", r"\1", text)

"""What Makefile.PL, Build.PL, cpanfile, dist.ini and META.json say, read as text: nothing of them runs here."""

import configparser
import json
import re

from builder_service.detect import heredocs
from builder_service.detect.tree import Tree, normal

MANIFESTS = ("Makefile.PL", "Build.PL", "cpanfile", "dist.ini", "minil.toml", "META.json")
_QW = re.compile(
    r"\bqw\s*(?:\((.*?)(?:\)|\Z)|\[(.*?)(?:\]|\Z)|\{(.*?)\}|<(.*?)>|/(.*?)/)", re.DOTALL
)
_PAIR = re.compile(r"""['"]?([A-Za-z_]\w*(?:(?:::|')\w+)*)['"]?\s*(?:=>|,)\s*['"]?v?[\d.]""")


def found(tree: Tree) -> str | None:
    """The manifest that says most, None when there is none."""
    return next((name for name in MANIFESTS if tree.has(name)), None)


def code(text: str) -> str:
    """Perl without comments, its documentation and what stands after its end."""
    text = re.split(r"(?m)^__(?:END|DATA)__\s*$", text)[0]
    text = heredocs.without(text)
    text = re.sub(r"(?ms)^=[a-zA-Z]\w*.*?(?:^=cut\b.*?$|\Z)", "", text)
    return re.sub(r"(?m)(^|[\s;{}])#.*$", r"\1", text)


def requires(tree: Tree) -> list[str] | None:
    """Modules that the manifests declare for use, None when they declare none."""
    for read in (_cpanfile, _meta, _makefile, _dist_ini):
        modules = read(tree)
        if modules:
            wanted = {name for name in modules if name != "perl" and not name.startswith("Test::")}
            return sorted(wanted)
    return None


def executables(tree: Tree) -> list[str]:
    """Paths of the programs that an installation would install, where a manifest names them."""
    paths: list[str] = []
    for name in ("Makefile.PL", "Build.PL"):
        text = code(tree.text(name))
        for body in re.findall(
            r"(?:EXE_FILES|script_files)['\"]?\s*=>\s*\[(.*?)\]", text, re.DOTALL
        ):
            paths += _words(tree, body)
        paths += re.findall(r"script_files['\"]?\s*=>\s*['\"]([^'\"]+)['\"]", text)
        for body in re.findall(r"\binstall_script\s*\(?([^;]+);", text):
            paths += _words(tree, body)
    return list(dict.fromkeys(filter(None, map(normal, paths))))


def _words(tree: Tree, body: str) -> list[str]:
    words = [word for groups in _QW.findall(body) for word in " ".join(groups).split()]
    words += re.findall(r"['\"]([^'\"]+)['\"]", body)
    paths: list[str] = []
    for word in words:
        if word.endswith("/*"):
            folder = normal(word[:-2])
            paths += [entry.path for entry in tree.files if "/".join(entry.folders) == folder]
        else:
            paths.append(word)
    return paths


def _cpanfile(tree: Tree) -> set[str]:
    text = code(tree.text("cpanfile"))
    text = re.sub(r"(?s)\b(?:on|feature)\b\s*\(?\s*['\"]?(?!runtime)\w+.*?sub\s*\{.*?\}", "", text)
    return set(re.findall(r"(?m)^\s*requires\s*\(?\s*['\"]([\w:]+)['\"]", text))


def _meta(tree: Tree) -> set[str]:
    try:
        data = json.loads(tree.text("META.json") or "{}")
        return set(data["prereqs"]["runtime"]["requires"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return set()


def _makefile(tree: Tree) -> set[str]:
    names: set[str] = set()
    for name in ("Makefile.PL", "Build.PL"):
        text = code(tree.text(name))
        for body in re.findall(r"\b(?:PREREQ_PM|requires)['\"]?\s*=>\s*\{(.*?)\}", text, re.DOTALL):
            body = re.sub(r"(?m)^.*\$\^O.*$", "", body)
            names.update(module.replace("'", "::") for module in _PAIR.findall(body))
        names.update(re.findall(r"(?m)^\s*requires\s*\(?\s*['\"]([\w:]+)['\"]", text))
    return names


def _dist_ini(tree: Tree) -> set[str]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string("[dist]\n" + tree.text("dist.ini"))
    except configparser.Error:
        return set()
    sections = [
        name
        for name in parser.sections()
        if name == "Prereqs" or re.fullmatch(r"Prereqs\s*/\s*Runtime\w*", name)
    ]
    return {
        key
        for name in sections
        for key in parser.options(name)
        if re.fullmatch(r"[A-Za-z_]\w*(?:::\w+)*", key)
    }

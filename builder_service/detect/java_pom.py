"""What Maven's pom.xml files say: modules, dependencies, main classes, folders, the Java version."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from xml.etree import ElementTree

from builder_service.detect.finding import NoPlan
from builder_service.detect.tree import Tree, normal

_MOST_MODULES = 60
_NOT_AT_RUN_TIME = frozenset(["test", "import"])
_MAIN_CLASS = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*")


@dataclass
class Pom:
    """One module."""

    folder: str
    artifact: str
    properties: dict[str, str]
    dependencies: list[str] = field(default_factory=list)
    """`group:artifact` of what it needs to compile and run."""
    mains: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)
    """Folders of sources in which `${…}` stands for properties."""
    release: str = ""
    packaging: str = "jar"


def read(tree: Tree) -> list[Pom]:
    """The root's pom.xml and its modules; raises `NoPlan` when one is no XML."""
    found: dict[str, Pom] = {}
    _read(tree, "", None, found)
    return list(found.values())


def _read(tree: Tree, folder: str, parent: Pom | None, found: dict[str, Pom]) -> None:
    path = f"{folder}/pom.xml" if folder else "pom.xml"
    if folder in found or len(found) >= _MOST_MODULES or not tree.has(path):
        return
    root = _parsed(tree.text(path), path)
    pom = _pom(root, folder, parent)
    found[folder] = pom
    for module in _texts(root, "modules/module") + _texts(root, "profiles/profile/modules/module"):
        below = normal(f"{folder}/{module}" if folder else module)
        if below and below != folder:
            _read(tree, below.removesuffix("/pom.xml"), pom, found)


def _parsed(text: str, path: str) -> ElementTree.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # entities can grow without bound
        raise NoPlan(f"{path} has a document type. Remove the DOCTYPE; Maven needs none.")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - without entities
    except (ElementTree.ParseError, ValueError) as error:
        raise NoPlan(f"{path} cannot be read: {error}") from error
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root


def _pom(root: ElementTree.Element, folder: str, parent: Pom | None) -> Pom:
    properties = dict(parent.properties) if parent else {}
    for element in root.findall("properties/*") + root.findall("profiles/profile/properties/*"):
        properties.setdefault(element.tag, "")
        properties[element.tag] = (element.text or "").strip()
    artifact = _text(root, "artifactId") or PurePosixPath(folder).name
    version = _text(root, "version") or _text(root, "parent/version")
    group = _text(root, "groupId") or _text(root, "parent/groupId")
    for name, value in (("version", version), ("artifactId", artifact), ("groupId", group), ("name", _text(root, "name") or artifact),
                        ("description", _text(root, "description")), ("url", _text(root, "url"))):  # fmt: skip
        properties[f"project.{name}"] = properties[f"pom.{name}"] = value
    pom = Pom(folder, artifact, properties, packaging=_text(root, "packaging") or "jar")
    for element in root.findall("dependencies/dependency"):
        if _text(element, "scope") not in _NOT_AT_RUN_TIME:
            pom.dependencies.append(
                known(f"{_text(element, 'groupId')}:{_text(element, 'artifactId')}", properties)
            )
    steps = set(_of_build_steps(root))
    classes = [
        element.text or ""
        for tag in ("mainClass", "Main-Class", "mainClassName")
        for element in root.iter(tag)
        if element not in steps
    ]
    classes += [
        properties.get(name, "")
        for name in ("exec.mainClass", "main.class", "mainClass", "start-class")
    ]
    pom.mains = [
        c for text in classes if _MAIN_CLASS.fullmatch(c := known(text.strip(), properties))
    ]
    pom.sources = _folders(pom, [_text(root, "build/sourceDirectory") or "src/main/java"])
    pom.resources = _folders(
        pom, _texts(root, "build/resources/resource/directory") or ["src/main/resources"]
    )
    pom.templates = _folders(pom, list(_template_folders(root)))
    pom.release = _release(root, properties, parent)
    return pom


def _of_build_steps(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """The main classes that the build itself runs in one of its phases."""
    for plugin in root.iter("plugin"):
        if _text(plugin, "artifactId") == "exec-maven-plugin":
            for execution in plugin.iter("execution"):
                if _text(execution, "phase"):
                    yield from execution.iter("mainClass")


def _template_folders(root: ElementTree.Element) -> Iterator[str]:
    for plugin in root.iter("plugin"):
        if _text(plugin, "artifactId") == "templating-maven-plugin":
            given = [element.text for element in plugin.iter("sourceDirectory") if element.text]
            yield from given or ["src/main/java-templates"]


def _release(root: ElementTree.Element, properties: dict[str, str], parent: Pom | None) -> str:
    names = (
        "maven.compiler.release",
        "maven.compiler.target",
        "maven.compiler.source",
        "java.version",
        "jdk.version",
    )
    for plugin in root.iter("plugin"):
        if _text(plugin, "artifactId") == "maven-compiler-plugin":
            for tag in ("release", "target", "source"):
                for element in plugin.iter(tag):
                    if element.text:
                        return known(element.text.strip(), properties)
    given = next((properties[name] for name in names if properties.get(name)), "")
    return known(given, properties) or (parent.release if parent else "")


def known(text: str, properties: dict[str, str]) -> str:
    """The text with its `${…}` replaced as far as they are known."""
    for _ in range(6):
        made = re.sub(r"\$\{([\w.-]+)\}", lambda match: properties.get(match[1], match[0]), text)
        if made == text or len(made) > 2000:
            break
        text = made
    return text


def _folders(pom: Pom, names: list[str]) -> list[str]:
    found = []
    for name in names:
        bare = known(name, pom.properties)
        for prefix in ("${project.basedir}/", "${basedir}/", "${pom.basedir}/"):
            bare = bare.removeprefix(prefix)
        if "$" not in bare and (path := normal(f"{pom.folder}/{bare}" if pom.folder else bare)):
            found.append(path)
    return found


def _text(element: ElementTree.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _texts(element: ElementTree.Element, path: str) -> list[str]:
    return [(found.text or "").strip() for found in element.findall(path) if found.text]

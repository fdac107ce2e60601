"""What Gradle's and Ant's files say, as far as it can be read without running them."""

import re
from dataclasses import dataclass, field

from builder_service.detect.tree import Tree, normal

_STRING = r"""\(?\s*['"]([^'"]+)['"]"""
_CONFIGURATIONS = (
    r"(?:implementation|api|compile|runtimeOnly|runtime|compileOnly|annotationProcessor|shadow)"
)
_MAIN = re.compile(
    r"""(?:mainClass(?:Name)?|['"]Main-Class['"]|attributes\.put\(\s*['"]Main-Class['"])\s*(?:\.set\s*\(|=|:|,|\bto\b)?\s*\(?\s*['"]([\w.$]+)['"]"""
)
_VERSION = re.compile(
    r"""(?:JavaLanguageVersion\.of\s*\(\s*|(?:source|target)Compatibility\s*=?\s*(?:JavaVersion\.(?:VERSION_|toVersion\()?)?['"]?|options\.release(?:\.set\(|\s*=)\s*)(\d+(?:[._]\d+)?)"""
)


@dataclass
class Script:
    """What one project's build file declares."""

    folder: str
    file: str
    mains: list[str] = field(default_factory=list)
    dependencies: list[str] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)
    """Folders of other projects of the same build that it needs."""
    release: str = ""
    name: str = ""


def gradle(tree: Tree) -> list[Script]:
    """Every build.gradle and build.gradle.kts, the root's first."""
    settings = tree.text("settings.gradle") + tree.text("settings.gradle.kts")
    title = re.search(rf"rootProject\.name\s*=\s*{_STRING}", settings)
    catalog = _catalog(tree.text("gradle/libs.versions.toml"))
    found = []
    for entry in tree.files:
        if entry.name not in ("build.gradle", "build.gradle.kts") or "buildSrc" in entry.folders:
            continue
        text = re.sub(r"(?m)^\s*//.*$", "", tree.text(entry.path))
        folder = "/".join(entry.folders)
        script = Script(folder, entry.path, mains=_MAIN.findall(text))
        for given in re.findall(rf"\b{_CONFIGURATIONS}[ \t]*{_STRING}", text):
            if given.count(":"):
                script.dependencies.append(":".join(given.split(":")[:2]))
        for name in re.findall(rf"\b{_CONFIGURATIONS}[ \t]*\(?\s*libs\.([\w.]+)", text):
            key = re.sub(r"[._]", "-", name.removesuffix(".get"))
            script.dependencies += [catalog[key]] if key in catalog else []
        for name in re.findall(rf"project\s*(?:\(\s*path\s*[:=]\s*)?{_STRING}", text):
            script.projects.append(normal(name.replace(":", "/").lstrip("/")))
        version = _VERSION.search(text)
        script.release = version[1].replace("_", ".") if version else ""
        named = re.search(
            rf"(?:applicationName|archivesBaseName|archiveBaseName)\s*(?:\.set|=)?\s*{_STRING}",
            text,
        )
        script.name = named[1] if named else (title[1] if title and not folder else "")
        found.append(script)
    return found


def _catalog(text: str) -> dict[str, str]:
    """`key = "group:artifact:version"` and `key = { module = "group:artifact" … }` of a version catalog."""
    found = {}
    for key, value in re.findall(r"(?m)^([\w.-]+)\s*=\s*(.+)$", text):
        module = re.search(r"""["']([\w.-]+:[\w.-]+)(?::[^"']*)?["']""", value)
        parts = re.search(r"""group\s*=\s*["']([\w.-]+)["'].*name\s*=\s*["']([\w.-]+)["']""", value)
        if module or parts:
            found[re.sub(r"[._]", "-", key)] = (
                module[1] if module else f"{parts[1]}:{parts[2]}" if parts else ""
            )
    return found


def ant(tree: Tree) -> Script | None:
    """build.xml: the main class of its manifest."""
    if not tree.has("build.xml"):
        return None
    text = tree.text("build.xml")
    values = dict(re.findall(r"""<property\s+name="([^"]+)"\s+value="([^"]*)\"""", text))
    script = Script("", "build.xml")
    for found in re.findall(r"""name="Main-Class"\s+value="([^"]+)\"""", text):
        made = re.sub(r"\$\{([\w.-]+)\}", lambda match: values.get(match[1], match[0]), found)
        if "$" not in made:
            script.mains.append(made)
    version = re.search(r"""<javac\b[^>]{0,2000}?\b(?:release|target|source)="([\d.]+)\"""", text)
    script.release = version[1] if version else ""
    title = re.search(r"""<project\b[^>]{0,2000}?\bname="([\w.-]+)\"""", text)
    script.name = title[1] if title else ""
    return script

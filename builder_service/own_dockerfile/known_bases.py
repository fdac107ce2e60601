"""Public base images that we know, and which base of ours stands for each. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from builder_service.own_dockerfile.refused import Refused

_HUB = re.compile(
    r"\A(?:docker\.io/|index\.docker\.io/|public\.ecr\.aws/docker/|mirror\.gcr\.io/)?(?:library/)?"
)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DEBIAN = re.compile(
    r"debian|ubuntu|buildpack-deps|bitnami/minideb|scratch|busybox|alpine|"
    r"(?:gcr\.io/)?distroless/(?:static|base|cc)(?:-debian\d+|-nossl)*|"
    r"mcr\.microsoft\.com/devcontainers/base"
)
_PYTHON = re.compile(r"python|(?:gcr\.io/)?distroless/python3(?:-debian\d+)?")
_NODE = re.compile(r"node|(?:gcr\.io/)?distroless/nodejs(\d+)?(?:-debian\d+)?")
_JAVA = re.compile(
    r"openjdk|eclipse-temurin|amazoncorretto|maven|adoptopenjdk|(?:gcr\.io/)?distroless/java(\d*)(?:-debian\d+)?"
)
_R = re.compile(r"r-base|rocker/(?:r-base|r-ver|r-apt|rstudio|tidyverse)")
_OTHERS = {"golang": "go", "rust": "rust", "ruby": "ruby", "perl": "perl", "gcc": "c"}
_ENVIRONMENTS = {
    "go": {"GOPATH": "/go", "PATH": f"/go/bin:/usr/local/go/bin:{_PATH}"},
    "rust": {"CARGO_HOME": "/usr/local/cargo", "PATH": f"/usr/local/cargo/bin:{_PATH}"},
}


@dataclass(frozen=True)
class Base:
    """A base of ours, what it stands for, and the environment that people expect of the original."""

    recipe: str
    sentence: str
    env: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    has_apk: bool = False
    """The original is Alpine's: its package tool is not in ours."""


def base_for(image: str, recipes: Iterable[str]) -> Base:
    """Our base for a public image; raises `Refused` for one that we do not know."""
    name, tag = _name(image)
    alpine = "alpine" in (name, *re.split(r"[-.]", tag)) or tag.startswith("alpine")
    if _DEBIAN.fullmatch(name):
        return _base("docker-debian", image, "our Debian 12", "", alpine)
    if _PYTHON.fullmatch(name):
        if tag.startswith("2"):
            raise Refused(f"it stands on {image}, and Python 2 is no longer offered")
        return _base("docker-python", image, "our Python 3.11 on Debian 12", "", alpine)
    if found := _NODE.fullmatch(name):
        recipe = _nearest("docker-node", found[1] or tag, recipes)
        if recipe:
            return _base(recipe, image, f"our Node {recipe[11:]} on Debian 12", "", alpine)
    language = _OTHERS.get(name)
    if found := _JAVA.fullmatch(name):
        language, tag = "java", (found[1] or tag)
        if name == "maven":
            tag = tag.partition("jdk-")[2] or tag.partition("temurin-")[2]
    elif _R.fullmatch(name):
        language, tag = "r", ""
    if language and (recipe := _nearest(language, tag, recipes)):
        return _base(recipe, image, f"our base {recipe} on Debian 12", language, alpine)
    raise Refused(f"it stands on {image}, which cannot be had here")


def _base(recipe: str, image: str, ours: str, language: str, alpine: bool) -> Base:
    env = _ENVIRONMENTS.get(language, {"PATH": _PATH})
    return Base(recipe, f"{image} is replaced by {ours}", dict(env), alpine)


def _name(image: str) -> tuple[str, str]:
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return _HUB.sub("", head + slash + last), tag


def _nearest(prefix: str, wanted: str, recipes: Iterable[str]) -> str:
    """The recipe of the wanted version, else the next newer, else the newest; empty when there is none."""
    versions = {}
    for recipe in recipes:
        found = re.fullmatch(re.escape(prefix) + r"-?([\d.]*)", recipe)
        if found:
            versions[_numbers(found[1])] = recipe
    if not versions:
        return ""
    asked = re.match(r"v?(\d+(?:\.\d+)*)", wanted)
    goal = _numbers(asked[1]) if asked else (10**6,)
    newer = [version for version in versions if version >= goal[: len(version)]]
    return versions[min(newer)] if newer else versions[max(versions)]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part)

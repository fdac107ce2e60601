"""What a project is built with, as a step of its own: kept as long as its manifest stays, however often its source changes.

An environment for each build is fetched anew whenever a source file changes; for the well-known back ends, which
need nothing but their modules, a folder that Python finds does the same. Whatever else is asked for keeps
the environment of its own.
"""

import re
import tomllib

from packaging.requirements import InvalidRequirement, Requirement

from builder_service.detect.python_manifest import strings, table
from builder_service.detect.tree import Tree

FOLDER = "/opt/venv/build"
_BACK_ENDS = frozenset(
    ["setuptools.build_meta", "hatchling.build", "flit_core.buildapi", "poetry.core.masonry.api"]
)
_MODULES = frozenset(
    ["setuptools", "wheel", "setuptools-scm", "hatchling", "hatch-vcs", "flit-core", "poetry-core", "packaging", "tomli",
     "cython", "versioneer"]
)  # fmt: skip
_ASKS_FOR_MORE = re.compile(
    r"\bsetup_requires\b|\btool\.hatch\.build\.(?:targets\.\w+\.)?hooks\b|\btool\.poetry\.build\b|\bbackend-path\b"
)


def wanted(tree: Tree) -> list[str]:
    """The requirements of the build, empty where it has to have an environment of its own."""
    manifests = [tree.text(name) for name in ("pyproject.toml", "setup.py", "setup.cfg")]
    if any(_ASKS_FOR_MORE.search(text) for text in manifests):
        return []
    try:
        build = table(tomllib.loads(manifests[0]).get("build-system"))
    except (ValueError, RecursionError):
        return []
    requires = strings(build.get("requires"))
    if build.get("build-backend") not in _BACK_ENDS or not requires:
        return []
    try:
        known = all(
            one.name.lower().replace("_", "-") in _MODULES and one.url is None
            for one in map(Requirement, requires)
        )
    except InvalidRequirement:
        return []
    # setuptools of before 70 make wheels only with this beside them
    return (
        [*requires, *(["wheel"] if "setuptools" in str(build.get("build-backend")) else [])]
        if known
        else []
    )

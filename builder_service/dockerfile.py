"""A plan as a Dockerfile that gives the same tool with plain Docker, without this platform. Pure."""

import json
from collections.abc import Mapping

from builder_service.base_recipes.recipe import Recipe
from builder_service.bases import APT
from builder_service.operator_env import Operator
from shared.plan import Plan, Step

_IMAGES = {"debian": "debian:bookworm-slim"}
# The public image writes its sources in another form than the base that the recipes are made for.
_SOURCES = """
new=/etc/apt/sources.list.d/debian.sources
[ -e "$new" ] || exit 0
awk '$1 == "URIs:" { print "deb " $2 " bookworm main"; exit }' "$new" > /etc/apt/sources.list
rm "$new"
"""
_TOOL = "65532:65532"
_APP = "/app/"


def dockerfile(plan: Plan, recipes: Mapping[str, Recipe]) -> str:
    """The text; the context of its build is the repository's folder at the plan's commit."""
    if plan.dockerfile is not None:
        return plan.dockerfile.text
    chain = _chain(plan.base, recipes)
    lines = [f"# {found}" for found in _one_line(plan.evidence)]
    lines += [
        f"FROM {_IMAGES.get(chain[0].parent if chain else plan.base, 'debian:bookworm-slim')}"
    ]
    lines += [f"ARG {name}={_quoted(value)}" for name, value in Operator().environment().items()]
    lines += ["ENV LANG=C.UTF-8", _run(["bash", "-ec", _SOURCES])]
    lines += [_apt(["ca-certificates"])]
    for recipe in chain:
        lines += _recipe(recipe)
    if plan.system_packages:
        lines.append(_apt(plan.system_packages))
    lines += ["WORKDIR /app", f"USER {_TOOL}", "ENV HOME=/tmp"]
    lines += _steps(plan.steps)
    lines += [f"ENV {name}={_quoted(value)}" for name, value in plan.env.items()]
    lines += ["WORKDIR /app" if plan.start == "repository" else "WORKDIR /work"]
    lines += [f"# {one.name}: {json.dumps(one.run)}" for one in plan.commands[1:]]
    if plan.commands:
        lines.append(f"ENTRYPOINT {json.dumps(plan.commands[0].run)}")
    return "\n".join(lines) + "\n"


def _chain(base: str, recipes: Mapping[str, Recipe]) -> list[Recipe]:
    """The base's recipes, the one that stands on Debian first."""
    found: list[Recipe] = []
    while base in recipes:
        found.insert(0, recipes[base])
        base = recipes[base].parent
    return found


def _recipe(recipe: Recipe) -> list[str]:
    script = (APT if recipe.packages else "") + recipe.script
    if not script.strip():
        return []
    env = [f"{name}={value}" for name, value in recipe.env]
    return [
        _run(
            [
                *(["env", *env] if env else []),
                "bash",
                "-ec",
                script,
                "bash",
                *recipe.packages,
            ]
        )
    ]


def _steps(steps: list[Step]) -> list[str]:
    lines: list[str] = []
    whole = False
    for step in steps:
        if step.as_root:
            lines += ["USER 0:0", _apt(step.argv[2:]), f"USER {_TOOL}"]
            continue
        if step.files is None and not whole:
            whole = True
            lines.append(_copy(".", _APP))
        for name in step.files or [] if not whole else []:
            lines.append(_copy(name, _APP + name))
        if step.argv != ["true"]:
            env = [f"{name}={value}" for name, value in step.env.items()]
            lines += [
                f"# {' '.join(step.name.split())}",
                _run([*(["env", *env] if env else []), *step.argv]),
            ]
    return lines if whole else [*lines, _copy(".", _APP)]


def _apt(words: list[str]) -> str:
    return _run(["bash", "-ec", APT, "bash", *words])


def _run(argv: list[str]) -> str:
    return f"RUN {json.dumps(argv)}"


def _copy(source: str, target: str) -> str:
    # A JSON array keeps names with spaces; a `$` in a name would be a variable.
    words = [word.replace("$", "\\$") for word in (source, target)]
    return f"COPY --chown={_TOOL} {json.dumps(words)}"


def _quoted(value: str) -> str:
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{text}"'


def _one_line(sentences: list[str]) -> list[str]:
    return [" ".join(sentence.split()) for sentence in sentences]

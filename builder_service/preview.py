"""`python -m builder_service.preview LINK|DIR --json`: the plan, without building anything."""

import argparse
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from builder_service import looking
from builder_service.__main__ import source_of
from builder_service.base_recipes import RECIPES
from builder_service.detect.finding import NoPlan
from builder_service.dockerfile import dockerfile
from builder_service.failures import BuildFailed
from builder_service.looking import Seen, Wishes
from builder_service.settings import BuilderSettings
from shared.git_link import BadLink
from shared.plan import Plan
from shared.process import settings_or_exit
from shared.yaml_writing import written


def preview(target: str, wishes: Wishes, settings: BuilderSettings) -> Seen:
    """What a link or a folder of this machine holds; raises `NoPlan`, `BuildFailed` or `BadLink`."""
    if Path(target).is_dir():
        return looking.in_folder(Path(target).resolve(), wishes)
    with tempfile.TemporaryDirectory() as scratch:
        return looking.at_link(target, wishes, Path(scratch), source_of(settings))


def main() -> int:
    """0 with the plan on stdout, 1 with a sentence on stderr."""
    arguments = _parser().parse_args()
    settings = settings_or_exit(BuilderSettings, os.environ)
    try:
        overrides = Path(arguments.plan).read_text() if arguments.plan else ""
        wishes = Wishes(
            arguments.ref, arguments.folder, arguments.runtime, arguments.command, overrides
        )
        seen = preview(arguments.target, wishes, settings)
    except (NoPlan, BuildFailed, BadLink, OSError, UnicodeDecodeError) as error:
        if arguments.json:
            _print_json({"plan": None, "commit": None, "reason": str(error)})
        sys.stderr.write(f"{_harmless(str(error))}\n")
        return 1
    assert seen.plan is not None
    ejected = dockerfile(seen.plan, RECIPES) if arguments.dockerfile else ""
    if arguments.json:
        plan = seen.plan.model_dump(mode="json")
        answer = {"plan": plan, "commit": seen.commit, "reason": ""}
        _print_json({**answer, "dockerfile": ejected} if ejected else answer)
    elif ejected:
        sys.stdout.write(ejected)
    elif arguments.yaml:
        sys.stdout.write(written(seen.plan))
    else:
        _print_lines(seen.plan)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m builder_service.preview", description=__doc__)
    parser.add_argument("target", metavar="LINK|DIR")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--dockerfile", action="store_true", help="as a Dockerfile")
    parser.add_argument("--yaml", action="store_true", help="as a toolyard.yaml, to be edited")
    parser.add_argument(
        "--plan", metavar="FILE", help="a toolyard.yaml instead of the repository's"
    )
    parser.add_argument("--ref")
    parser.add_argument("--folder", default="")
    parser.add_argument("--command")
    parser.add_argument("--runtime")
    return parser


def _print_json(answer: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")


def _print_lines(plan: Plan) -> None:
    made = [
        ("runtime", f"{plan.runtime} {plan.runtime_version}".rstrip()),
        *([("packages", " ".join(plan.system_packages))] if plan.system_packages else []),
        *(("step", f"{step.name}: {shlex.join(step.argv)}") for step in plan.steps),
        ("network", ", ".join([plan.network.mode, *plan.network.hosts])),
        *(("command", f"{one.name}: {one.evidence}") for one in plan.commands),
        *(("because", line) for line in plan.evidence),
    ]
    for name, text in made:
        sys.stdout.write(f"{name:9} {_harmless(text)}\n")


def _harmless(text: str) -> str:
    """Names of a stranger's files, without what a terminal would obey."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


if __name__ == "__main__":
    sys.exit(main())

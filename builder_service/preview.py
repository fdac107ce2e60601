"""`python -m builder_service.preview LINK|DIR --json`: the plan, without building anything."""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from builder_service import plan as plans
from builder_service.__main__ import source_of
from builder_service.detect import python_manifests
from builder_service.detect.finding import Facts, NoPlan
from builder_service.detect.tree import Tree
from builder_service.failures import BuildFailed
from builder_service.fetch import fetch
from builder_service.settings import BuilderSettings
from shared.git_link import BadLink, check_folder, parse
from shared.plan import Plan
from shared.process import settings_or_exit


def preview(
    target: str, arguments: argparse.Namespace, settings: BuilderSettings
) -> tuple[Plan, str | None]:
    """The plan and, for a link, the commit; raises `NoPlan`, `BuildFailed` or `BadLink`."""
    folder = check_folder(arguments.folder)
    if Path(target).is_dir():
        root = Path(target).resolve()
        return _plan(
            Tree(root / folder), folder.rsplit("/", 1)[-1] or root.name, None, arguments
        ), None
    link = parse(target, settings.allowed)
    with tempfile.TemporaryDirectory() as scratch:
        found = fetch(link, arguments.ref, folder, Path(scratch) / "clone", source_of(settings))
        tree = Tree(found.tree / found.folder)
        version = found.version() if python_manifests.read(tree).version_from_tag else None
        name = found.folder.rsplit("/", 1)[-1] or link.name
        return _plan(tree, name, version, arguments), found.commit


def _plan(tree: Tree, name: str, version: str | None, arguments: argparse.Namespace) -> Plan:
    facts = Facts(name.removesuffix(".git"), arguments.command, version)
    return plans.choose(tree, facts, runtime=arguments.runtime)


def main() -> int:
    """0 with the plan on stdout, 1 with a sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m builder_service.preview", description=__doc__)
    parser.add_argument("target", metavar="LINK|DIR")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--ref")
    parser.add_argument("--folder", default="")
    parser.add_argument("--command")
    parser.add_argument("--runtime")
    arguments = parser.parse_args()
    settings = settings_or_exit(BuilderSettings, os.environ)
    try:
        plan, commit = preview(arguments.target, arguments, settings)
    except (NoPlan, BuildFailed, BadLink) as error:
        if arguments.json:
            sys.stdout.write(
                json.dumps({"plan": None, "commit": None, "reason": str(error)}) + "\n"
            )
        sys.stderr.write(f"{error}\n")
        return 1
    if arguments.json:
        answer = {"plan": plan.model_dump(mode="json"), "commit": commit, "reason": ""}
        sys.stdout.write(json.dumps(answer) + "\n")
    else:
        for command in plan.commands:
            sys.stdout.write(f"{command.name}\t{' '.join(command.run)}\t{command.evidence}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

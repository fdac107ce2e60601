"""Node tools: `bin` of package.json, in workspaces too, and scripts that read their arguments."""

import re

from builder_service.detect import (
    network,
    node_entries,
    node_managers,
    node_manifest,
    node_steps,
    node_versions,
    readme_uses,
)
from builder_service.detect.finding import Facts, Finding, NoPlan, is_aside, rank, strength
from builder_service.detect.language import Language
from builder_service.detect.node_manifest import Project
from builder_service.detect.tree import Entry, Tree, normal
from shared.plan import Command, Plan


def detect(tree: Tree, facts: Facts) -> Finding:
    """The Node plan, or what was looked at; raises `NoPlan` when it is Node and cannot be built."""
    project, problem = node_manifest.read(tree)
    files = node_entries.javascript(tree)
    if project is None and not files:
        return Finding(None, looked=[problem or "no package.json and no JavaScript file"])
    if project is None and problem:
        raise NoPlan(problem)
    names = [facts.name, project.root.short_name if project else ""]
    declared = list(node_entries.declared(tree, project)) if project else []
    known = {candidate.command.run[-1].removeprefix("/app/") for candidate in declared}
    candidates = rank(
        [*declared, *node_entries.scripts(tree, project, files, known)],
        names,
        readme_uses.count(tree),
    )
    looked = [f"{project.root.manifest}: no bin"] if project and not declared else []
    if files:
        looked.append(f"{len(files)} JavaScript files: none starts with #!… node or reads its arguments")  # fmt: skip
    if not candidates:
        return Finding(None, looked=looked)
    commands = [candidate.command for candidate in candidates]
    plan = _plan(tree, project, files, commands)
    return Finding(plan, strength(candidates, names), looked)


def plan_for(tree: Tree, facts: Facts, command: Command) -> Plan:
    """The plan for a command that the owner named and detection did not see."""
    project, problem = node_manifest.read(tree)
    if problem:
        raise NoPlan(problem)
    return _plan(tree, project, node_entries.javascript(tree), [command])


def command_for(tree: Tree, asked: str) -> Command | None:
    """The command that an owner named: a file of the repository, else a program of its dependencies."""
    if (entry := tree.paths.get(normal(asked))) is not None:
        run = node_entries.run(tree, entry.path)
        return Command(name=entry.name, run=run, evidence=f"asked for: {entry.path}")
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*", asked) and not asked.endswith(node_entries.SUFFIXES):
        return Command(
            name=asked, run=[f"/app/node_modules/.bin/{asked}"], evidence="asked for by name"
        )
    return None


def _plan(tree: Tree, project: Project | None, files: list[Entry], commands: list[Command]) -> Plan:
    manager = node_managers.choose(tree, project) if project else node_managers.Manager("npm")
    major, why_version = node_versions.DEFAULT_MAJOR, ""
    if project is not None:
        major, why_version = node_versions.choose(tree, project.root, manager.most_node)
    steps, evidence = node_steps.steps(tree, project, manager)
    own = [tree.text(entry.path)[:200_000] for entry in files if not is_aside(entry.path)]
    used = {name for text in own for name in node_entries.IMPORTS.findall(text)}
    for package in project.packages if project else ():
        used |= package.needs("dependencies")
    net, why = network.propose(used, network.NODE)
    said = [*evidence, why_version, commands[0].evidence, why]
    return Plan(
        runtime="node",
        runtime_version=str(major),
        base=f"node{major}",
        steps=steps,
        commands=commands,
        network=net,
        env={"NODE_ENV": "production"},
        evidence=[line for line in said if line],
    )


LANGUAGE = Language(
    "node", detect, command_for, plan_for, (".js", ".mjs", ".cjs", ".ts"), ("node", "nodejs")
)

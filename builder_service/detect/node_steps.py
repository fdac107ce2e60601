"""How a Node tool is installed: the lock's packages first, then what has to be compiled."""

import re

from builder_service.detect import node_build, node_managers
from builder_service.detect.node_managers import Manager
from builder_service.detect.node_manifest import Package, Project
from builder_service.detect.tree import Tree
from shared.plan import Step

WITHOUT_HOOKS = "/usr/local/bin/without-hooks"
"""The base's helper: the project's own hooks (husky, a build) wait for its source, its dependencies' hooks run."""
_CONFIGURATION = (".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", ".pnpmfile.cjs", ".pnpmfile.mjs",
                  "bunfig.toml", "lerna.json")  # fmt: skip
_PLACES = (("patches",), (".yarn", "patches"), (".yarn", "plugins"))
_LOCAL = ("file:", "link:", "portal:", "./", "../")


def steps(tree: Tree, project: Project | None, manager: Manager) -> tuple[list[Step], list[str]]:
    """The steps, and the sentences about them."""
    if project is None:
        return [], ["no package.json"]
    waiting, missing = node_build.needed(tree, project)
    todo = node_build.scripts(tree, project, waiting)
    compilers = [(one, node_build.compiler(tree, one)) for one in waiting]
    fallback = [(one, argv) for one, argv in compilers if argv is not None and not todo]
    build = bool(todo or fallback)
    root = project.root
    lock = f" + {manager.lock}" if manager.lock else ""
    evidence = [f"{root.manifest}{lock}"]
    if manager.name != "npm":
        evidence.append(f"{manager.package} by its lock, packageManager or scripts")
    if project.members:
        evidence.append(f"a workspace of {len(project.members)} packages")
    made: list[Step] = []
    if _has_dependencies(project, build):
        dev = build or _peers_are_for_development(project)
        made = [*node_managers.provide(manager), _install(tree, project, manager, dev=dev)]
    elif not build:
        evidence.append("no dependencies")
    made += _own_hooks(tree, project, manager)
    if build:
        names = ", ".join(dict.fromkeys(name for _, name in todo)) or "tsc"
        evidence.append(f"{missing} is made by {names}")
    for package, script in todo:
        argv = node_managers.run(manager, package, script)
        name = f"build {package.folder}" if package.folder else "build"
        made.append(Step(name=name, argv=argv, env=manager.environment))
    made += [Step(name="build", argv=argv, env=manager.environment) for _, argv in fallback]
    # Development dependencies stay: removing files in a later layer makes no image smaller.
    return made, evidence


def _has_dependencies(project: Project, build: bool) -> bool:
    tables = ["dependencies", "optionalDependencies", "peerDependencies"]
    tables += ["devDependencies"] if build else []
    return bool(project.members) or bool(project.root.needs(*tables))


def _peers_are_for_development(project: Project) -> bool:
    """Whether a lock counts as a development dependency what a user of the tool has to bring along."""
    root = project.root
    optional = {
        name
        for name, meta in root.table("peerDependenciesMeta").items()
        if isinstance(meta, dict) and meta.get("optional")
    }
    return bool((root.needs("peerDependencies") - optional) & root.needs("devDependencies"))


def _install(tree: Tree, project: Project, manager: Manager, *, dev: bool) -> Step:
    root = project.root
    folder = [f"/app/{root.folder}"] if root.folder else []
    manifests = [package.manifest for package in project.packages]
    lock = [root.path(manager.lock)] if manager.lock else []
    # Development dependencies that are not installed are not resolved either: slowly, and in vain where
    # they contradict one another. A member's manifest is read from the folder in which the manager starts.
    drop = ["--without-dev"] if not lock and not dev else []
    classic = lock if manager.name == "yarn" and not manager.is_berry else []
    argv = [WITHOUT_HOOKS, *drop, *(f"/app/{path}" for path in (*manifests, *classic)), "--"]
    argv += [*(["env", "-C", *folder] if folder else []), *node_managers.install(manager, dev=dev)]
    files = [*manifests, *lock, *(root.path(name) for name in _CONFIGURATION)]
    files += [e.path for e in tree.files if any(e.folders[: len(p)] == p for p in _PLACES)]
    whole = any(_is_local(project, package) for package in project.packages)
    return Step(
        name="dependencies",
        argv=argv,
        env=manager.environment,
        files=None if whole else [path for path in dict.fromkeys(files) if tree.has(path)],
    )


def _is_local(project: Project, package: Package) -> bool:
    """Whether a dependency is a folder of the repository outside the workspace."""
    tables = ("dependencies", "devDependencies", "optionalDependencies")
    folders = {f"/{member.folder}" for member in project.members}
    return any(
        str(value).startswith(_LOCAL) and not any(str(value).endswith(f) for f in folders)
        for name in tables
        for value in package.table(name).values()
    )


def _own_hooks(tree: Tree, project: Project, manager: Manager) -> list[Step]:
    """The project's own postinstall where it makes something of the tool, and its native module."""
    root = project.root
    made = []
    if tree.has(root.path("binding.gyp")):
        there = ["env", "-C", f"/app/{root.folder}"] if root.folder else []
        argv = [*there, "npm", "rebuild", "--ignore-scripts=false", "--foreground-scripts"]
        made.append(Step(name="native module", argv=argv, env=manager.environment))
    for hook in ("preinstall", "install", "postinstall"):
        text = root.scripts.get(hook, "")
        program = re.match(r"node\s+(\S+)|(patch-package|prisma)\b", text.strip())
        if program is None or (program[1] and not tree.has(root.path(program[1]))):
            continue
        if program[2] and program[2] not in root.needs("dependencies"):
            continue
        argv = node_managers.run(manager, root, hook)
        made.append(Step(name=hook, argv=argv, env=manager.environment))
    return made

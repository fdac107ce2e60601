"""Java tools: the main classes that Maven, Gradle or Ant declare, those of the sources, or a jar."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from builder_service.detect import (
    java_gradle,
    java_jars,
    java_libraries,
    java_pom,
    java_sources,
    java_steps,
    java_version,
    network,
    readme_uses,
)
from builder_service.detect.finding import (
    ASIDE,
    CLI,
    DECLARED,
    PLAIN,
    Candidate,
    Facts,
    Finding,
    is_aside,
    rank,
    same_name,
    strength,
)
from builder_service.detect.java_sources import Main
from builder_service.detect.java_steps import Compilation
from builder_service.detect.language import Language
from builder_service.detect.tree import Entry, Tree, normal
from shared.plan import Command, Plan

JDKS = (17, 21, 25)
"""Those that builds here have; an older version is what the first of them compiles for."""
_NAME = re.compile(r"[A-Za-z0-9_][\w.+-]*")
_CLASS = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_USUAL = re.compile(
    r"(?i)^(main|app|application|cli|launcher|program|runner|start|bootstrap|entrypoint)$"
)
_NETWORK = frozenset(
    ["java.net.http.HttpClient", "java.net.Socket", "java.net.HttpURLConnection", "javax.net.ssl.HttpsURLConnection",
     "okhttp3.OkHttpClient", "org.jsoup.Jsoup", "java.net.InetAddress"]
)  # fmt: skip
_HEAP = "-XX:MaxRAMPercentage=75"
_RELEASE = re.compile(r"(?:1\.)?(\d+)")


@dataclass
class _Project:
    """What the build files say together."""

    kind: str = "javac"
    file: str = ""
    declared: dict[str, str] = field(default_factory=dict)
    """Main classes, each with the file that declares it."""
    names: dict[str, str] = field(default_factory=dict)
    """The name that the project of a main class has."""
    release: str = ""
    dependencies: list[str] = field(default_factory=list)
    roots: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


def detect(tree: Tree, facts: Facts) -> Finding:
    """The plan, or what was looked at; raises `NoPlan` when a build file cannot be read."""
    entries = java_sources.files(tree)
    jars = list(_runnable_jars(tree))
    if not entries and not jars and not _other_jvm(tree):
        return Finding(None, looked=["no Java source and no jar with a main class"])
    project = _project(tree, entries)
    mains = java_sources.mains(tree, entries)
    candidates = rank(
        [*_declared(project, facts), *_classes(project, mains, facts), *jars],
        [facts.name, *project.names.values()],
        readme_uses.count(tree),
    )
    if not candidates:
        return Finding(None, looked=[f"{len(entries)} Java sources, none with a main method"])
    commands = [candidate.command for candidate in candidates]
    plan = _plan(tree, project, entries, commands)
    return Finding(plan, strength(candidates, [facts.name]))


def command_for(tree: Tree, asked: str) -> Command | None:
    """A source or a jar of the repository, or a class by its full name."""
    entry = tree.paths.get(normal(asked))
    evidence = f"asked for: {asked}"
    if entry is not None and entry.suffix == ".jar":
        return _jar_command(entry, evidence)
    if entry is not None and entry.suffix == ".java":
        found = java_sources.mains(tree, [entry])
        return _command(found[0].simple, found[0].name, evidence) if found else None
    if entry is None and _CLASS.fullmatch(asked):
        for main in java_sources.mains(tree, java_sources.files(tree)):
            if asked in (main.name, main.simple):
                return _command(asked, main.name, evidence)
    return None


def plan_for(tree: Tree, facts: Facts, command: Command) -> Plan:
    """The plan for a command that the owner named and detection did not see."""
    entries = java_sources.files(tree)
    return _plan(tree, _project(tree, entries), entries, [command])


def _command(name: str, main: str, evidence: str) -> Command:
    return Command(
        name=name, run=["java", _HEAP, "-cp", java_steps.CLASSPATH, main], evidence=evidence
    )


def _jar_command(entry: Entry, evidence: str) -> Command:
    name = re.sub(r"-\d[\w.]*$", "", entry.stem)
    name = name if _NAME.fullmatch(name) else "tool"
    return Command(name=name, run=["java", _HEAP, "-jar", f"/app/{entry.path}"], evidence=evidence)


def _other_jvm(tree: Tree) -> bool:
    """Whether a build file stands beside sources of a language that only its own build compiles."""
    builds = any(tree.has(name) for name in ("pom.xml", "build.gradle", "build.gradle.kts"))
    return builds and any(entry.suffix in (".kt", ".groovy", ".scala") for entry in tree.files)


def _project(tree: Tree, entries: list[Entry]) -> _Project:
    if tree.has("pom.xml"):
        return _maven(java_pom.read(tree), tree)
    scripts = java_gradle.gradle(tree)
    if scripts and any(not script.folder for script in scripts):
        return _gradle(scripts, tree, entries)
    project = _Project()
    if (script := java_gradle.ant(tree)) is not None:
        project = _Project("ant", "build.xml", release=script.release, files=["build.xml"])
        for main in script.mains:
            project.declared[main] = "build.xml"
            if script.name:
                project.names[main] = script.name
    project.roots = java_sources.roots(
        tree, [e for e in entries if not is_aside(e.path)] or entries
    )
    project.resources = project.roots
    return project


def _maven(poms: list[java_pom.Pom], tree: Tree) -> _Project:
    project = _Project("maven", "pom.xml", release=next((p.release for p in poms if p.release), ""))
    project.files = [f"{p.folder}/pom.xml" if p.folder else "pom.xml" for p in poms]
    for pom in poms:
        for main in pom.mains:
            project.declared.setdefault(main, f"{pom.folder}/pom.xml".lstrip("/"))
            project.names.setdefault(main, _module_of(tree, poms, main, pom).artifact)
    inside = {pom.artifact: pom for pom in poms}
    wanted = [_module_of(tree, poms, main, p) for p in poms for main in p.mains]
    wanted = wanted or [p for p in poms if p.packaging != "pom"] or list(poms)
    chosen: dict[str, java_pom.Pom] = {}
    while wanted:
        pom = wanted.pop()
        if pom.folder in chosen:
            continue
        chosen[pom.folder] = pom
        wanted += [
            inside[n] for name in pom.dependencies if (n := name.rpartition(":")[2]) in inside
        ]
    for pom in chosen.values():
        project.roots += [folder for folder in pom.sources if _holds(tree, folder)]
        project.resources += [folder for folder in pom.resources if _holds(tree, folder)]
        project.templates += pom.templates
        project.properties |= {k: v for k, v in pom.properties.items() if "${" not in v}
        project.dependencies += [n for n in pom.dependencies if n.rpartition(":")[2] not in inside]
    return project


def _module_of(
    tree: Tree, poms: list[java_pom.Pom], main: str, declares: java_pom.Pom
) -> java_pom.Pom:
    """The module that holds the class, since parents declare for their modules."""
    path = main.replace(".", "/") + ".java"
    holding = (p for p in poms if any(tree.has(f"{folder}/{path}") for folder in p.sources))
    return next(holding, declares)


def _gradle(scripts: list[java_gradle.Script], tree: Tree, entries: list[Entry]) -> _Project:
    file = next(script.file for script in scripts if not script.folder)
    project = _Project("gradle", file, release=next((s.release for s in scripts if s.release), ""))
    project.files = [script.file for script in scripts]
    for script in scripts:
        for main in script.mains:
            project.declared.setdefault(main, script.file)
            name = script.name or PurePosixPath(script.folder).name
            if name:
                project.names.setdefault(main, name)
    by_folder = {script.folder: script for script in scripts}
    wanted = [s for s in scripts if s.mains] or scripts
    chosen: dict[str, java_gradle.Script] = {}
    while wanted:
        script = wanted.pop()
        if script.folder not in chosen:
            chosen[script.folder] = script
            wanted += [by_folder[folder] for folder in script.projects if folder in by_folder]
    for script in chosen.values():
        prefix = f"{script.folder}/" if script.folder else ""
        usual = [f"{prefix}src/main/java", f"{prefix}src"]
        root = next((folder for folder in usual if _holds(tree, folder)), None)
        project.roots += [root] if root else []
        project.resources += (
            [f"{prefix}src/main/resources"] if _holds(tree, f"{prefix}src/main/resources") else []
        )
        project.dependencies += script.dependencies
    project.roots = project.roots or java_sources.roots(tree, entries)
    return project


def _holds(tree: Tree, folder: str) -> bool:
    return any(entry.path.startswith(folder + "/") for entry in tree.files)


def _declared(project: _Project, facts: Facts) -> Iterable[Candidate]:
    for main, file in project.declared.items():
        if not _CLASS.fullmatch(main):
            continue
        name = project.names.get(main) or facts.name
        alone = len({project.names.get(m) for m in project.declared}) == len(project.declared)
        if not alone or not _NAME.fullmatch(name) or name in ("core", "cli", "app", "main"):
            name = facts.name if len(project.declared) == 1 else main.rpartition(".")[2]
        name = name if _NAME.fullmatch(name) else main.rpartition(".")[2]
        beside = is_aside(str(PurePosixPath(file).parent / name))
        aside = beside and not same_name(name, facts.name)
        evidence = f"main class {main} in {file}"
        yield Candidate(
            _command(name, main, evidence), ASIDE if aside else DECLARED, file.count("/")
        )


def _classes(project: _Project, mains: list[Main], facts: Facts) -> Iterable[Candidate]:
    taken = {facts.name} if project.declared else set()
    for main in sorted(mains, key=_worth):
        if main.name in project.declared or not _CLASS.fullmatch(main.name):
            continue
        if not any(main.path.startswith(f"{root}/" if root else "") for root in project.roots):
            continue  # nothing compiles it
        alike = bool(_USUAL.match(main.simple)) or same_name(main.simple, facts.name)
        name = facts.name if alike and _NAME.fullmatch(facts.name) else main.simple
        if name in taken:
            name = main.simple if main.simple not in taken else main.name
        taken.add(name)
        how = f"parses arguments ({main.parser})" if main.parser else "reads its arguments" if main.arguments else "has a main method"  # fmt: skip
        quality = _quality(main)
        depth = 0 if main.parser else 1 + main.name.count(".")
        yield Candidate(_command(name, main.name, f"{main.path} {how}"), quality, depth)


def _worth(main: Main) -> tuple[int, bool, int, str]:
    return _quality(main), not main.parser, main.name.count("."), main.name


def _quality(main: Main) -> int:
    if java_sources.is_beside(main) or main.window:
        return ASIDE
    return CLI if main.parser or main.arguments else PLAIN


def _runnable_jars(tree: Tree) -> Iterable[Candidate]:
    for entry in tree.files:
        if (
            entry.suffix != ".jar"
            or entry.depth > 2
            or "wrapper" in entry.name
            or java_sources.is_test(entry.path)
        ):
            continue
        if jar := java_jars.runnable(tree, entry):
            quality = (
                ASIDE
                if is_aside(entry.path) or entry.folders[:1] in (("lib",), ("libs",))
                else PLAIN
            )
            yield Candidate(
                _jar_command(entry, f"{entry.path} has the main class {jar.main}"),
                quality,
                entry.depth,
            )


def _plan(tree: Tree, project: _Project, entries: list[Entry], commands: list[Command]) -> Plan:
    mains = [command.run[-1] for command in commands if "-cp" in command.run]
    imported = java_sources.imports(tree, entries)
    net, why = network.propose(imported, _NETWORK)
    release = _RELEASE.match(project.release.strip())
    asked = int(release[1]) if release else java_version.asked(tree) or JDKS[0]
    if not mains:  # nothing is compiled: the jar was, for some Java
        asked = max(asked, _of_jar(tree, commands[0]) or 0)
    jdk = next((version for version in JDKS if version >= asked), JDKS[-1])
    if not mains:
        evidence = [commands[0].evidence, why]
        return Plan(
            runtime="java",
            runtime_version=str(jdk),
            base=f"java{jdk}",
            commands=commands,
            network=net,
            evidence=evidence,
        )
    found = java_libraries.of_coordinates(project.dependencies)
    if project.kind in ("javac", "ant"):
        found = java_libraries.of_imports(imported)
    exports = _exports(tree, project)
    vendored = [] if project.kind == "maven" else [
        f"./{e.path}" for e in tree.files
        if e.suffix == ".jar" and "wrapper" not in e.name and not java_sources.is_test(e.path) and "-sources" not in e.name
    ]  # fmt: skip
    if vendored and project.kind in ("javac", "ant"):
        found = java_libraries.Needed([], [], [])
    needed = Compilation(
        kind=project.kind,
        target=min(max(asked, 8), jdk),
        asked=str(asked) if asked > jdk else "",
        unknown=found.unknown,
        roots=project.roots,
        jars=[*(f"/usr/share/java/{jar}.jar" for jar in found.jars), *vendored],
        resources=project.resources,
        templates=project.templates,
        properties=project.properties,
        exports=[word for word in exports if word.startswith("--add-exports")],
        mains=mains,
    )
    steps = [java_steps.build(needed)]
    if project.kind == "maven" and project.dependencies:
        steps.insert(0, java_steps.dependencies(project.files))
    if exports:
        commands = [
            c.model_copy(update={"run": [c.run[0], *exports, *c.run[1:]]}) for c in commands
        ]
    return Plan(
        runtime="java",
        runtime_version=str(jdk),
        base=f"java{jdk}",
        system_packages=found.packages,
        steps=steps,
        commands=commands,
        network=net,
        evidence=[line for line in _evidence(project, asked, found, commands) if line] + [why],
    )


def _of_jar(tree: Tree, command: Command) -> int | None:
    entry = tree.paths.get(command.run[-1].removeprefix("/app/"))
    jar = java_jars.runnable(tree, entry) if entry else None
    return jar.release if jar else None


def _evidence(
    project: _Project, asked: int, found: java_libraries.Needed, commands: list[Command]
) -> Iterable[str]:
    yield f"{project.file} ({project.kind})" if project.file else "no build file"
    yield commands[0].evidence
    yield (
        f"asks for Java {asked}; tried with Java {JDKS[-1]}, the newest here"
        if asked > JDKS[-1]
        else ""
    )
    yield (
        f"Debian's {', '.join(found.packages)}, for where the registry does not answer"
        if found.packages
        else ""
    )
    yield f"no Debian package is known for {', '.join(found.unknown[:8])}" if found.unknown else ""


def _exports(tree: Tree, project: _Project) -> list[str]:
    """The inner packages of the JDK that the build files open: `--add-exports=jdk.compiler/…=ALL-UNNAMED`."""
    texts = [tree.text(path) for path in (*project.files, ".mvn/jvm.config")]
    pattern = r"--add-(?:exports|opens)[=\s]+[a-z][\w.]*/[a-z][\w.]*=ALL-UNNAMED"
    return sorted(
        {re.sub(r"\s+", "=", word) for text in texts for word in re.findall(pattern, text)}
    )


LANGUAGE = Language("java", detect, command_for, plan_for, (".java", ".jar", ".kt"), ("java",))

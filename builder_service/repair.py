"""Second plans: what the text of a failure says is missing is added to the plan. Pure.

Names come from curated maps; where a rule gives a name, it is one of Debian's own archive, which is not open to
whoever takes a free name. No index is ever asked for a guess.
"""

import re
from collections.abc import Callable, Iterator

from builder_service import later_releases, link_libraries, stale_locks
from builder_service.detect.python_steps import (
    BUILD_TOOLS,
    constrained,
    isolated,
    with_older_setuptools,
)
from builder_service.detect.shell_programs import PACKAGES as SHELL_PROGRAMS
from builder_service.missing_modules import NODE_MODULES, python_package
from builder_service.system_libraries import (
    package_for_cmake,
    package_for_header,
    package_for_library,
    package_for_pkgconfig,
    package_for_program,
)
from shared.plan import Plan, Step

Has = Callable[[str], bool]
Found = tuple[str, str]
"""A Debian package, and what was missing in words."""

_HEADER = re.compile(
    r"fatal error: ['\"]?([\w./+-]+\.(?:h|hh|hpp|hxx)|[\w./+-]+)['\"]?(?:: No such file| file not found)"
    r"|(?:checking for|cannot find|could not find|missing)(?: the)? (?:header )?<?([\w./+-]+\.h)>?(?:\.\.\. no| header|\b)",
    re.IGNORECASE,
)
_LIBRARY = re.compile(
    r"cannot find -l([\w.+-]+)|library not found for -l([\w.+-]+)|library ['\"]?lib([\w.+-]+?)['\"]? (?:is )?(?:missing|not found|required)"
    r"|(lib[\w.+-]+\.so(?:\.[\d.]+)?): cannot open shared object file"
)
_PKGCONFIG = re.compile(
    r"No package '([\w.+-]+)' found|Package '?([\w.+-]+)'?,? (?:was not found in|required by)|Dependency [\"']?([\w.+-]+)[\"']? not found"
    r"|Package requirements \(([\w.+-]+)[^)]*\) were not met|The pkg-config module ([\w.+-]+) |Could not run `\"?pkg-config\"? .*?\"?([\w.+-]+)\"?`"
)
_CMAKE = re.compile(
    r"Could NOT find (\w+)|package configuration file provided by \"(\w+)\"|Could not find a configuration file for package \"(\w+)\""
)
_PROGRAM = re.compile(
    r"(?:^|[:\s])([\w.+-]+): (?:command )?not found\s*$|env: ['‘]?([\w.+-]+)['’]?: No such file"
    r"|(?:make(?:\[\d+\])?|exec|execvp): (?:\S+: )?([\w.+-]+): No such file or directory"
    r"|exec: \"([\w.+-]+)\": executable file not found|spawn ([\w.+-]+) ENOENT"
    r"|No such file or directory: ['\"]([\w.+-]+)['\"]|[Pp]rogram ['\"]?([\w.+-]+)['\"]? (?:is )?(?:not found|missing|required)"
    r"|(?:error|ERROR): ([\w+-]+) (?:is )?(?:not found|required|missing)|checking for ([\w.+-]+)\.\.\. (?:no|not found)\s*$"
    r"|Program ([\w.+-]+) found: NO|is ['\"`]?([\w.+-]+)['\"`]? installed\?",
    re.MULTILINE,
)  # fmt: skip
_PYTHON = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named ['\"]?([\w.]+)")
_NODE = re.compile(r"Cannot find (?:module|package) ['\"]((?:@[\w.-]+/)?[\w.-]+)")
_PERL = re.compile(r"Can't locate ([\w/]+)\.pm in @INC|Base class package \"([\w:]+)\" is empty")
_RUBY = re.compile(
    r"cannot load such file -- ([\w/-]+)|Could not find gem '([\w-]+)|[`']([\w-]+)' (?:\([^)]*\) )?is not installed \(Gem::"
)
_R = re.compile(
    r"there is no package called ['‘\"]([\w.]+)|package ['‘\"]([\w.]+)['’\"] is not available|ERROR: dependenc\w+ ['‘]([\w.]+)"
)
_NO_FILE = re.compile(
    r"(?:No such file or directory|ENOENT|not found|cannot open|can't open|Can't open)[^'\"‘`\n]{0,40}['\"‘`]((?:\./)?[\w][\w./ -]*)['\"’`]"
    r"|['\"‘`]?((?:\./)?[\w][\w./-]*)['\"’`]?: No such file or directory"
)
_LOCALE = re.compile(
    r"locale\.Error: unsupported locale|Setting locale failed|cannot (?:set|change) locale|locale\.facet"
)
_GIT = re.compile(r"setuptools-scm was unable|fatal: not a git repository|unable to find 'git'")
_PYTHON2 = re.compile(
    r"Missing parentheses in call to 'print'|print statement|No module named '?(?:urllib2|ConfigParser|Queue|StringIO|cPickle|__builtin__|urlparse)'?\b"
    r"|name '(?:unicode|raw_input|xrange|basestring|unichr)' is not defined|except \w+, \w+:|invalid syntax.*print "
)
_SETUPTOOLS = re.compile(
    r"No module named '?(?:pkg_resources|setuptools\.command\.(?:test|easy_install)|distutils\.msvccompiler)'?"
    r"|Invalid dash-separated (?:key|option)|cannot import name '\w+' from 'setuptools"
)
_BACK_END = re.compile(r"build backend|Failed to build|--no-build-isolation", re.IGNORECASE)
_BUILDING = re.compile(r"setuptools\.build_meta|\bsetup\.py\b")
_MOST = 6


def repair(plan: Plan, said: str, has: Has) -> tuple[Plan, str] | None:
    """The plan with what is missing, and a sentence on it; None when the text names nothing that we know.

    `has` tells whether the repository has a file of this path.
    """
    if plan.dockerfile is not None:
        return None  # another's recipe is not corrected; the native plan comes next
    packages: dict[str, str] = {}
    for package, what in _packages(said):
        if package not in plan.system_packages:
            packages.setdefault(package, what)
    if packages:
        chosen = dict(list(packages.items())[:_MOST])
        changed = {"system_packages": [*plan.system_packages, *chosen]}
        return plan.model_copy(update=changed), _added(chosen)
    return (
        stale_locks.loosened(plan, said)
        or link_libraries.linked(plan, said)
        or _setuptools(plan, said)
        or _constrained(plan, said)
        or _modules(plan, said)
        or _isolated(plan, said)
        or _by_rule(plan, said)
        or _start(plan, said, has)
    )


def explain(said: str) -> str:
    """A sentence for what no second plan helps; empty when there is none."""
    if _PYTHON2.search(said):
        return " The sources are written for Python 2, which is no longer offered: port them to Python 3."
    return ""


def _packages(said: str) -> Iterator[Found]:
    """In the order in which a build asks: headers and libraries before programs."""
    for text in _names(_HEADER, said):
        if package := package_for_header(text):
            yield package, f"the header {text}"
    for text in _names(_LIBRARY, said):
        if package := package_for_library(text):
            yield package, f"the library {text}"
    for text in _names(_PKGCONFIG, said):
        if package := package_for_pkgconfig(text) or package_for_cmake(text):
            yield package, f"the library {text}"
            if "pkg-config" in said and re.search(
                r"pkg-config\S*(?: .*)? not found|pkg-config: ", said
            ):
                yield "pkg-config", "pkg-config"
    for text in _names(_CMAKE, said):
        if package := package_for_cmake(text):
            yield package, f"the library {text}"
    for text in _names(_PROGRAM, said):
        if package := SHELL_PROGRAMS.get(text) or package_for_program(text):
            yield package, f"the program {text}"
    for text in _names(_PYTHON, said):
        if text.split(".")[0] in ("tkinter", "_tkinter"):
            yield "python3-tk", f"the module {text}"
    if _LOCALE.search(said):
        yield "locales-all", "a locale"
    if _GIT.search(said):
        yield "git", "the program git"


def _setuptools(plan: Plan, said: str) -> tuple[Plan, str] | None:
    """What later setuptools have dropped is had by building with earlier ones."""
    if plan.runtime != "python" or not _SETUPTOOLS.search(said):
        return None
    steps = [with_older_setuptools(step) for step in plan.steps]
    if steps == plan.steps:
        return None
    why = "An earlier setuptools builds it: it uses what later ones have dropped."
    return plan.model_copy(update={"steps": steps}), why


def _constrained(plan: Plan, said: str) -> tuple[Plan, str] | None:
    """Older releases of what the program was not written for; one at a time, as each shows the next."""
    if plan.runtime != "python":
        return None
    for constraint in later_releases.constraints(said):
        if any(constraint in step.argv for step in plan.steps):
            continue
        steps = [constrained(step, constraint) for step in plan.steps]
        if steps != plan.steps:
            why = f"{constraint} is installed: the tool uses what later releases have dropped."
            return plan.model_copy(update={"steps": steps}), why
    return None


def _modules(plan: Plan, said: str) -> tuple[Plan, str] | None:
    """Python and Node modules of the curated maps."""
    names = _names(_PYTHON, said) if plan.runtime == "python" else ()
    python = dict.fromkeys(filter(None, (python_package(name) for name in names)))
    if python:
        if _BUILDING.search(said):
            plan = plan.model_copy(update={"steps": [_not_isolated(step) for step in plan.steps]})
        argv = ["uv", "pip", "install", "--python", "/opt/venv/bin/python", "--", *python]
        return _with_step(plan, argv, list(python))
    names = _names(_NODE, said) if plan.runtime == "node" else ()
    node = dict.fromkeys(name for name in names if name in NODE_MODULES)
    if node:
        argv = ["npm", "install", "--no-save", "--no-package-lock", "--ignore-scripts", "--", *node]
        return _with_step(plan, argv, list(node), last=True)
    return None


def _isolated(plan: Plan, said: str) -> tuple[Plan, str] | None:
    """A project that says too little of what it is built with gets an environment of its own for that."""
    if not _BACK_END.search(said) or not any(step.name == BUILD_TOOLS for step in plan.steps):
        return None
    steps = [isolated(step) for step in plan.steps if step.name != BUILD_TOOLS]
    return plan.model_copy(update={"steps": steps}), "It is built in an environment of its own."


def _with_step(
    plan: Plan, argv: list[str], modules: list[str], *, last: bool = False
) -> tuple[Plan, str] | None:
    step = Step(name="missing modules", argv=argv, files=None if last else [])
    if any(step.argv == argv for step in plan.steps):
        return None
    steps = [*plan.steps, step] if last else [step, *plan.steps]
    why = f"{' and '.join(modules)} was added: the tool uses it without saying so."
    return plan.model_copy(update={"steps": steps}), why


def _not_isolated(step: Step) -> Step:
    """A `setup.py` that imports what it does not declare finds it only outside of an environment of its own."""
    if step.argv[:3] != ["uv", "pip", "install"] or "--no-build-isolation" in step.argv:
        return step
    return step.model_copy(
        update={"argv": [*step.argv[:3], "--no-build-isolation", *step.argv[3:]]}
    )


def _by_rule(plan: Plan, said: str) -> tuple[Plan, str] | None:
    """Modules of Perl, Ruby and R under the names that Debian gives them; those it does not have are left out."""
    rules: dict[str, tuple[re.Pattern[str], Callable[[str], str]]] = {
        "perl": (_PERL, lambda name: f"lib{re.sub('/|::|_', '-', name).lower()}-perl"),
        "ruby": (_RUBY, lambda name: f"ruby-{name.replace('/', '-').replace('_', '-').lower()}"),
        "r": (_R, lambda name: f"r-cran-{name.lower()}"),
    }
    if plan.runtime not in rules:
        return None
    pattern, rule = rules[plan.runtime]
    found = {rule(name): name for name in _names(pattern, said)}
    before = {word for step in plan.steps if step.as_root for word in step.argv}
    packages = [name for name in found if name not in before | {*plan.system_packages}]
    packages = [name for name in packages if re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name)][:_MOST]
    if not packages:
        return None
    step = Step(
        name="missing modules",
        argv=["apt-get", "install", "--known", *packages],
        as_root=True,
        files=[],
    )
    changed = plan.model_copy(update={"steps": [step, *plan.steps]})
    return changed, _added({name: f"the module {found[name]}" for name in packages})


def _start(plan: Plan, said: str, has: Has) -> tuple[Plan, str] | None:
    """A file of the repository that was not found: the tool looks for it where it is started."""
    if plan.start == "repository":
        return None
    for path in _names(_NO_FILE, said):
        if has(path.strip()):
            why = f"It starts in a copy of its repository: it reads {path.strip()} by a relative path."
            return plan.model_copy(update={"start": "repository"}), why
    return None


def _names(pattern: re.Pattern[str], said: str) -> Iterator[str]:
    for line in said.splitlines():
        for match in pattern.finditer(line[:2000]):
            yield next(group for group in match.groups() if group)


def _added(packages: dict[str, str]) -> str:
    return (
        "; ".join(f"{package} was added: {what} was missing" for package, what in packages.items())
        + "."
    )

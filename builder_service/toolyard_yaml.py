"""The wishes of a repository's `toolyard.yaml`, or of the text that the owner gave instead, laid over a plan."""

from builder_service import plan as plans
from builder_service.base_recipes import RECIPES
from builder_service.detect.finding import Facts, NoPlan
from builder_service.detect.tree import Tree
from builder_service.languages import LANGUAGES
from builder_service.plan import Choice
from shared import toolyard_yaml
from shared.plan import Command, Network, Plan, Step
from shared.toolyard_yaml import NAME, BadToolyardYaml, CommandGiven, Overrides

_BUILDING = ("base", "version", "system_packages", "steps")
"""Wishes that the repository's own Dockerfile cannot fulfil; it is passed over for them."""


def candidates(
    tree: Tree,
    facts: Facts,
    *,
    runtime: str | None = None,
    network: Network | None = None,
    pasted: str = "",
) -> Choice:
    """As `plan.candidates`, with the wishes laid over each plan; raises `NoPlan`.

    `pasted` is the owner's own text and replaces the repository's file. A network that the owner
    has chosen stands: the file only proposes one, as detection does.
    """
    try:
        overrides = toolyard_yaml.read(pasted or tree.text(NAME))
        return _candidates(tree, facts, runtime, network, overrides)
    except BadToolyardYaml as error:
        raise NoPlan(str(error)) from error


def overridden(plan: Plan | None, overrides: Overrides) -> Plan:
    """The plan with everything that is wanted otherwise; without a plan, the one that is written out."""
    wanted = overrides.wanted
    plan = plan or _whole(overrides)
    changes: dict[str, object] = {}
    if _builds(overrides):
        changes |= {"dockerfile": None, **_base(plan, overrides)}
    if wanted.system_packages is not None:
        changes["system_packages"] = list(dict.fromkeys(wanted.system_packages))
    if wanted.env is not None:
        merged = {**plan.env, **wanted.env}
        changes["env"] = {name: value for name, value in merged.items() if value is not None}
    if wanted.steps is not None:
        changes["steps"] = [Step(**step.model_dump()) for step in wanted.steps]
    if wanted.commands is not None:
        changes["commands"] = [
            _command(plan, number, given, overrides) for number, given in enumerate(wanted.commands)
        ]
        forms = {one.name: one.form.form() for one in wanted.commands if one.form is not None}
        changes["forms"] = {name: form.model_dump(mode="json") for name, form in forms.items()}
    for name in ("network", "start", "smoke"):
        if (value := getattr(wanted, name)) is not None:
            changes[name] = value
    said = [name for name in type(wanted).model_fields if getattr(wanted, name) is not None]
    if said:
        changes["evidence"] = [*plan.evidence, f"{NAME}: {', '.join(said)}"]
    return plan.model_copy(update=changes)


def _candidates(
    tree: Tree, facts: Facts, runtime: str | None, network: Network | None, overrides: Overrides
) -> Choice:
    wanted = overrides.wanted
    first = next((c for c in wanted.commands or [] if c.name == facts.command), None)
    found = _detected(tree, facts, first, runtime, overrides)
    laid = [overridden(plan, overrides) for plan in _fitting(found.plans, overrides)]
    if first is not None:
        laid = [_with_first(plan, first.name) for plan in laid]
    if network is not None:
        laid = [plan.model_copy(update={"network": network}) for plan in laid]
    return Choice(laid, found.notes, found.absent)


def _fitting(found: list[Plan], overrides: Overrides) -> list[Plan | None]:
    """Wishes about one plan's commands or steps make no sense for another language's."""
    if _builds(overrides):
        return [next((plan for plan in found if plan.dockerfile is None), None)]
    if overrides.wanted.commands is not None or not found:
        return [found[0] if found else None]
    return list(found)


def _builds(overrides: Overrides) -> bool:
    return any(getattr(overrides.wanted, name) is not None for name in _BUILDING)


def _detected(
    tree: Tree,
    facts: Facts,
    first: CommandGiven | None,
    runtime: str | None,
    overrides: Overrides,
) -> Choice:
    """What detection finds; nothing where all is written out, so that detection is not needed."""
    wanted = overrides.wanted
    if first is not None and first.run is not None:
        facts = Facts(facts.name, None, facts.version)  # a command of the file's own
    try:
        known = (*LANGUAGES, "dockerfile")
        if runtime is None and wanted.runtime is not None and wanted.runtime not in known:
            raise overrides.refused(("runtime",), f"must be one of {', '.join(known)}.")
        return plans.candidates(tree, facts, runtime=runtime or wanted.runtime)
    except NoPlan:
        if _says_enough(overrides):
            return Choice([])
        raise


def _says_enough(overrides: Overrides) -> bool:
    wanted = overrides.wanted
    named = wanted.commands is not None and all(command.run for command in wanted.commands)
    return named and (wanted.base or wanted.runtime or "") in _bases()


def _whole(overrides: Overrides) -> Plan:
    wanted = overrides.wanted
    base = wanted.base or wanted.runtime or ""
    if base not in _bases() or wanted.commands is None:
        raise overrides.refused((), "needs base and commands where nothing else was found.")
    return Plan(runtime=wanted.runtime or base, base=base)


def _bases() -> list[str]:
    return ["debian", *RECIPES]


def _base(plan: Plan, overrides: Overrides) -> dict[str, object]:
    """The base that is wanted by its name or by the toolchain's version."""
    wanted = overrides.wanted
    if wanted.base is not None and wanted.base not in _bases():
        raise overrides.refused(("base",), f"must be one of {', '.join(_bases())}.")
    changes: dict[str, object] = {"base": wanted.base} if wanted.base else {}
    if wanted.base and wanted.base != plan.base:
        changes["runtime_version"] = wanted.version or ""
    if wanted.version is None or wanted.version == plan.runtime_version:
        return changes
    if wanted.base is None:
        language = plan.base.rstrip("0123456789.-")
        fitting = {base for base in RECIPES if base.rstrip("0123456789.-") == language}
        base = next((b for b in (language + wanted.version, f"{language}-{wanted.version}") if b in fitting), None)  # fmt: skip
        if base is None:
            raise overrides.refused(
                ("version",),
                f"cannot be {wanted.version}: there is no base image of it. There are "
                f"{', '.join(sorted(fitting)) or plan.base}; leave version out to take what was found.",
            )
        changes["base"] = base
    return {**changes, "runtime_version": wanted.version}


def _command(plan: Plan, number: int, given: CommandGiven, overrides: Overrides) -> Command:
    found = next((command for command in plan.commands if command.name == given.name), None)
    if given.run is None:
        if found is None:
            known = ", ".join(command.name for command in plan.commands[:8])
            raise overrides.refused(
                ("commands", number),
                f"needs run, like [python3, ./tool.py]: no command {given.name} was found."
                + (f" Found were {known}." if known else ""),
            )
        return found
    run = [f"/app/{word[2:]}" if word.startswith("./") and word != "./" else word for word in given.run]  # fmt: skip
    if found is not None and found.run == run:
        return found
    return Command(name=given.name, run=run, evidence=NAME)


def _with_first(plan: Plan, name: str) -> Plan:
    command = next(command for command in plan.commands if command.name == name)
    return plans.with_first(plan, command)

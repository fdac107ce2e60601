"""How a tool's forms differ from one version to the next: what a push adds, takes away or changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.form import Field, Form


@dataclass(frozen=True)
class FormChanges:
    """Sentences for people who use the tool, of one command (or subcommand)."""

    command: str
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def changes(before: Mapping[str, Form], after: Mapping[str, Form]) -> list[FormChanges]:
    """One entry for each command that differs; a command that came or went is told as such."""
    found = []
    for name in dict.fromkeys([*before, *after]):
        found += _of_command(name, before.get(name), after.get(name))
    return found


def _of_command(name: str, old: Form | None, new: Form | None) -> list[FormChanges]:
    if old is None:
        return [FormChanges(name, added=["the command itself"])]
    if new is None:
        return [FormChanges(name, removed=["the command itself"])]
    was, now = _by_name(old), _by_name(new)
    own = FormChanges(
        name,
        added=[_shown(now[key]) for key in now if key not in was],
        removed=[_shown(was[key]) for key in was if key not in now],
        changed=[text for key in was if key in now for text in _differences(was[key], now[key])],
    )
    found = [own] if own.added or own.removed or own.changed else []
    for sub in dict.fromkeys([*old.subcommands, *new.subcommands]):
        found += _of_command(f"{name} {sub}", old.subcommands.get(sub), new.subcommands.get(sub))
    return found


def _by_name(form: Form) -> dict[str, Field]:
    """Fields by their longest spelling, which people type in scripts."""
    return {max(one.names, key=len): one for one in form.fields}


def _shown(one: Field) -> str:
    name = max(one.names, key=len)
    text = f"{name} ({one.type}, required)" if one.required else f"{name} ({one.type})"
    return f"{text}: {one.help}" if one.help else text


def _differences(was: Field, now: Field) -> list[str]:
    name = max(now.names, key=len)
    found = []
    if now.required != was.required:
        found.append(f"{name} is {'now' if now.required else 'no longer'} required")
    if now.type != was.type:
        found.append(f"{name} takes {now.type} instead of {was.type}")
    if now.default != was.default:
        found.append(f"{name} is by default {_value(now.default)} instead of {_value(was.default)}")
    gone = [choice for choice in was.choices if choice not in now.choices]
    new = [choice for choice in now.choices if choice not in was.choices]
    if now.choices and was.choices and gone:
        found.append(f"{name} no longer takes {', '.join(gone)}")
    if now.choices and was.choices and new:
        found.append(f"{name} also takes {', '.join(new)}")
    lost = [spelling for spelling in was.names if spelling not in now.names]
    if lost:
        found.append(f"{name} is no longer spelled {', '.join(lost)}")
    return found


def _value(default: str | None) -> str:
    return "nothing" if default is None else repr(default)

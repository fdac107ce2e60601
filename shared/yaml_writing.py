"""A plan as the text of a `toolyard.yaml`, to be read and edited; reading it again gives the same plan."""

import re
from collections.abc import Mapping, Sequence

from shared.form import Form
from shared.plan import Network, Plan, Step
from shared.yaml_form import given_from

_PLAIN = re.compile(r"[A-Za-z0-9_./+-][A-Za-z0-9_./+@%=-]*")
_NOT_PLAIN = frozenset({"null", "Null", "NULL", "-", "---", "..."})
_SHORT = {"\n": "\\n", "\t": "\\t"}
_WIDE = 88


def written(plan: Plan) -> str:
    """Everything of the plan that can be edited; evidence and the Dockerfile itself are left out."""
    lines = [f"runtime: {_word(plan.runtime)}"]
    if plan.dockerfile is None:
        lines.append(f"base: {_word(plan.base)}")
        if plan.system_packages:
            lines += _words("system_packages", plan.system_packages, 0)
    if plan.env:
        lines += ["env:", *_mapping(plan.env, 1)]
    if plan.dockerfile is None:
        lines += ["steps:", *_steps(plan.steps)] if plan.steps else ["steps: []"]
    if plan.commands:
        lines.append("commands:")
    for command in plan.commands:
        lines.append(f"  - name: {_word(command.name)}")
        lines += _words("run", command.run, 2)
        if command.name in plan.forms:
            form = Form.model_validate(plan.forms[command.name])
            lines += ["    form:", *_mapping(given_from(form), 3)]
    lines += _network(plan.network)
    lines.append(f"start: {plan.start}")
    if plan.smoke:
        lines += _words("smoke", plan.smoke, 0)
    return "\n".join(lines) + "\n"


def _network(network: Network) -> list[str]:
    if network.mode == "hosts":
        return _words("network", network.hosts, 0)
    return [f"network: {_word(network.mode)}"]


def _steps(steps: Sequence[Step]) -> list[str]:
    lines = []
    for step in steps:
        lines.append(f"  - name: {_word(step.name)}")
        lines += _words("argv", step.argv, 2)
        if step.files is not None:
            lines += _words("files", step.files, 2)
        if step.env:
            lines += ["    env:", *_mapping(step.env, 3)]
    return lines


def _words(name: str, words: Sequence[str], level: int) -> list[str]:
    """On one line where that is short; long ones and scripts one below the other."""
    space = "  " * level
    line = f"{space}{name}: [{', '.join(_word(word) for word in words)}]"
    if len(line) <= _WIDE and not any("\n" in word for word in words):
        return [line]
    lines = [f"{space}{name}:"]
    for word in words:
        lines += _block(f"{space}  - ", word, level + 2)
    return lines


def _block(start: str, text: str, level: int) -> list[str]:
    """A text of several lines stands as it is, where YAML can say it so."""
    body = text.removesuffix("\n")
    fits = "\n" in body and not body.startswith((" ", "\n")) and not body.endswith("\n")
    if not fits or any(not line.isprintable() for line in body.split("\n")):
        return [start + _word(text)]
    sign = "|" if text.endswith("\n") else "|-"
    return [start + sign, *("  " * level + line if line else "" for line in body.split("\n"))]


def _mapping(values: Mapping[str, object], level: int) -> list[str]:
    lines = []
    for name, value in values.items():
        start = f"{'  ' * level}{_word(name)}:"
        if isinstance(value, Mapping):
            lines += [start, *_mapping(value, level + 1)]
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            lines.append(start)
            for one in value:
                first, *others = _mapping(one, level + 2)
                lines += ["  " * (level + 1) + "- " + first.lstrip(), *others]
        elif isinstance(value, list):
            lines.append(f"{start} [{', '.join(_word(str(one)) for one in value)}]")
        elif isinstance(value, bool):
            lines.append(f"{start} {str(value).lower()}")
        else:
            lines += _block(f"{start} ", str(value), level + 1)
    return lines


def _word(text: str) -> str:
    """Plain where it stays what it is, else in double quotes."""
    if _PLAIN.fullmatch(text) and text not in _NOT_PLAIN:
        return text
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    return _SHORT.get(character) or f"\\U{ord(character):08X}"

"""Poetry's own way of writing dependencies, as standard requirements."""

import re

from builder_service.detect.python_manifest import Json, strings

_LONGEST = 200


def requirements(dependencies: Json, *, exact: bool = True) -> list[str] | None:
    """Poetry's dependency table as requirements; None when one is a path or an address.

    Not `exact` is Pipenv's table, where a path or an address is left out: its lock names the rest.
    """
    found = []
    for name, value in dependencies.items():
        for spec in value if isinstance(value, list) else [value]:
            if name.lower() == "python":
                continue
            details = spec if isinstance(spec, dict) else {"version": spec}
            if details.get("optional"):
                continue
            if not exact and not {"path", "git", "url", "file"} & set(details):
                details = {"version": "*", **details}
            if not isinstance(details.get("version"), str) or {"path", "git", "url"} & set(details):
                if exact:
                    return None
                continue
            extras = ",".join(strings(details.get("extras")))
            version = caret(details["version"])
            markers = [details["markers"]] if isinstance(details.get("markers"), str) else []
            if isinstance(details.get("python"), str):
                markers += [
                    _python_marker(part) for part in caret(details["python"]).split(",") if part
                ]
            marker = " and ".join(f"({text})" for text in markers)
            found.append(
                f"{name}{f'[{extras}]' if extras else ''}{version}{f' ; {marker}' if marker else ''}"
            )
    return found


def _python_marker(part: str) -> str:
    operator, version = re.match(r"([<>=!~]*)(.*)", part.strip()).groups()  # type: ignore[union-attr]
    key = "python_full_version" if version.count(".") > 1 else "python_version"
    return f"{key} {operator or '=='} '{version}'"


def caret(text: str) -> str:
    """Poetry's `^1.2`, `~1.2`, `1.*` and bare versions as standard specifiers."""
    parts = []
    for part in text[:_LONGEST].split("||")[0].replace(" ", ",").split(","):
        part = part.strip()
        if not part or part == "*":
            continue
        kind, version = (
            (part[0], part[1:]) if part[0] in "^~" and not part.startswith("~=") else ("", part)
        )
        numbers = re.match(r"\d+(\.\d+)*", version)
        if not kind:
            parts.append(part if part[0] in "<>=!~" else f"=={part}")
            continue
        if numbers is None:
            continue
        digits = [int(number) for number in numbers[0].split(".")]
        if kind == "~":
            keep = min(2, len(digits))
        else:
            keep = next((i + 1 for i, digit in enumerate(digits) if digit), len(digits))
        upper = [*digits[: keep - 1], digits[keep - 1] + 1]
        parts.append(f">={version},<{'.'.join(str(number) for number in upper)}")
    return ",".join(parts)

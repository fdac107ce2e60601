"""Cargo.toml for Debian's crates: only what a build of programs on Linux needs, at the versions that Debian has."""

import re
from collections.abc import Callable, Iterable
from typing import Any

Table = dict[str, Any]
_SETS = ("dependencies", "build-dependencies")
_LINUX = {
    "target_os": "linux", "target_family": "unix", "target_arch": "x86_64", "target_env": "gnu",
    "target_pointer_width": "64", "target_endian": "little", "target_vendor": "unknown",
}  # fmt: skip


def trimmed(manifest: Table, wanted: Iterable[str], version: Callable[[str, str], str]) -> Table:
    """The manifest with the features wanted (and the default ones); `version(crate, asked)` is what it gets."""
    made = {key: value for key, value in manifest.items() if key not in ("dev-dependencies", "target", "patch", "replace", "badges")}  # fmt: skip
    for name in _SETS:
        table = dict(manifest.get(name) or manifest.get(name.replace("-", "_")) or {})
        for condition, more in (manifest.get("target") or {}).items():
            if holds(condition):
                table |= more.get(name) or {}
        made[name] = table
    features = active(manifest.get("features") or {}, wanted)
    words = [word for items in features.values() for word in items]
    used = {re.split(r"[/?]", word.removeprefix("dep:"))[0] for word in words if "?" not in word}
    used |= set(wanted)
    for name in _SETS:
        made[name] = {
            key: relaxed(key, spec, version)
            for key, spec in made[name].items()
            if not (isinstance(spec, dict) and spec.get("optional")) or key in used
        }
    kept = {key for name in _SETS for key in made[name]}
    made["features"] = {
        name: [word for word in items if _refers(word, features, kept)]
        for name, items in features.items()
    }
    if isinstance(space := manifest.get("workspace"), dict):
        shared = {k: relaxed(k, s, version) for k, s in (space.get("dependencies") or {}).items()}
        made["workspace"] = {**space, **({"dependencies": shared} if shared else {})}
    return {key: value for key, value in made.items() if value != {}}


def active(features: dict[str, list[str]], wanted: Iterable[str]) -> dict[str, list[str]]:
    """The features that are on, with what each of them turns on."""
    found: dict[str, list[str]] = {}
    waiting = ["default", *wanted]
    while waiting:
        name = waiting.pop()
        if name in features and name not in found:
            found[name] = features[name]
            waiting += features[name]
    return found


def relaxed(key: str, spec: Any, version: Callable[[str, str], str]) -> Any:
    """A dependency at the version that there is; one from Git comes from there as well."""
    if isinstance(spec, str):
        return version(key, spec)
    if spec.get("workspace") or "path" in spec:
        return {name: value for name, value in spec.items() if name != "version"}
    kept = {n: v for n, v in spec.items() if n not in ("git", "branch", "tag", "rev", "registry")}
    return {
        **kept,
        "version": version(str(spec.get("package", key)), str(spec.get("version", "*"))),
    }


def _refers(word: str, features: Iterable[str], kept: set[str]) -> bool:
    if word.startswith("dep:"):
        return word[4:] in kept
    if "/" in word:
        return re.split(r"[/?]", word)[0] in kept
    return word in features or word in kept


def holds(condition: str) -> bool:
    """Whether a `[target.…]` condition holds on Linux; flags that nobody sets do not."""
    if not condition.startswith("cfg("):
        return condition == "x86_64-unknown-linux-gnu"
    tokens: list[str] = re.findall(r'"[^"]*"|[\w.-]+|[(),=]', condition[3:])

    def one() -> bool:
        word: str = tokens.pop(0)
        if tokens[0] == "(" and word in ("all", "any", "not"):
            tokens.pop(0)
            values = []
            while tokens[0] != ")":
                values.append(one())
                if tokens[0] == ",":
                    tokens.pop(0)
            tokens.pop(0)
            return any(values) if word == "any" else all(values) == (word == "all")
        if tokens[0] == "=":
            tokens.pop(0)
            value: str = tokens.pop(0)
            return bool(_LINUX.get(word) == value.strip('"'))
        return word == "unix"

    tokens.pop(0)
    try:
        return one()
    except IndexError:
        return False


def newest(asked: str, offered: Iterable[str]) -> tuple[str | None, bool]:
    """Of the versions offered the newest that fits, or else the newest; and whether it fits."""
    order = sorted(offered, key=numbers)
    fitting = [version for version in order if fits(asked, version)]
    if fitting:
        return fitting[-1], True
    return (order[-1] if order else None), False


def fits(asked: str, version: str) -> bool:
    """Cargo's requirements: carets, tildes, stars, comparisons, commas."""
    have = numbers(version)
    for part in asked.split(","):
        found = re.fullmatch(r"\s*(\^|~|>=|<=|>|<|=)?\s*v?([\d.]*)(?:\.?\*)?(?:[-+]\S*)?\s*", part)
        if found is None:
            return False
        operator, want = found[1] or "^", [int(word) for word in found[2].split(".") if word]
        if not want:
            continue
        low = (*want, 0, 0, 0)[:3]
        if operator in ("=", "~") or part.strip().endswith("*"):
            count = len(want) if operator == "=" or part.strip().endswith("*") else min(2, len(want))  # fmt: skip
            good = have[:count] == low[:count] and have >= low
        elif operator == "^":
            # the first part that is not zero must not change
            head = next((n for n, word in enumerate(want) if word), len(want) - 1) + 1
            good = have[:head] == low[:head] and have >= low
        else:
            good = {">=": have >= low, ">": have > low, "<=": have <= low, "<": have < low}[operator]  # fmt: skip
        if not good:
            return False
    return True


def numbers(version: str) -> tuple[int, int, int]:
    """`1.0.69-alpha` as (1, 0, 69)."""
    found = [int(word) for word in re.findall(r"\d+", re.split(r"[-+]", version)[0])]
    first, second, third = (*found, 0, 0, 0)[:3]
    return first, second, third


def written(table: Table) -> str:
    """The table as TOML."""
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in table.items())


def _key(text: str) -> str:
    return text if re.fullmatch(r"[\w-]+", text) else _string(text)


def _string(text: str) -> str:
    escaped = re.sub(r'["\\\x00-\x1f\x7f]', lambda found: f"\\u{ord(found[0]):04x}", text)
    return f'"{escaped}"'


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else _string(str(value))

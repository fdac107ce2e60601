"""The one filter field of the history: `tool:sherlock state:failed since:7d words`; pure."""

import re
from dataclasses import dataclass

from web import run_states

_STATES: dict[str, frozenset[str]] = {
    **{state: frozenset({state}) for state in run_states.ALL},
    "waiting": run_states.WAITING,
    "running": frozenset({"running"}),
    "live": run_states.WAITING | run_states.ACTIVE,
    "done": run_states.TERMINAL,
    "ended": run_states.TERMINAL,
    "starting": frozenset({"leased"}),
    "timeout": frozenset({"timed_out"}),
}
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


@dataclass(frozen=True)
class RunFilter:
    """What to show; `problems` are sentences on what could not be read."""

    tool: str = ""
    file: str = ""
    """The id of an input."""
    states: frozenset[str] = frozenset()
    since_seconds: int | None = None
    words: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def parse(text: str) -> RunFilter:
    """Read the field; what is not understood becomes a sentence, never an error."""
    tool, file, since = "", "", None
    states: set[str] = set()
    words: list[str] = []
    problems: list[str] = []
    for part in text[:300].split():
        key, colon, value = part.partition(":")
        if colon and value and key.lower() == "tool":
            tool = value
        elif colon and value and key.lower() == "file":
            file = value
        elif colon and value and key.lower() == "state":
            for name in value.lower().split(","):
                if name in _STATES:
                    states |= _STATES[name]
                else:
                    problems.append(
                        f"There is no state “{name}”. Try live, succeeded, failed, timed_out or cancelled."
                    )
        elif colon and value and key.lower() == "since":
            found = re.fullmatch(r"(\d{1,5})(s|min|m|h|d|w)", value.lower())
            if found:
                since = int(found[1]) * _UNITS[found[2]]
            else:
                problems.append(f"“since:{value}” is no time span. Write since:12h or since:7d.")
        else:
            words.append(part)
    return RunFilter(tool, file, frozenset(states), since, tuple(words[:8]), tuple(problems))

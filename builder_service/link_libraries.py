"""Libraries that a link command forgets, because they were parts of others on its author's system; by their symbols."""

import re

from shared.plan import Plan

_UNDEFINED = re.compile(r"undefined reference to (?:symbol )?[`'](\w+)(?:@[^']*)?'")
_LIBRARIES = (
    (r"w(?:add|ins|in|get)?n?_?wch\w*|\w*add\w*wstr|\w*(?:get|set)cchar|\w*_wch", ("ncursesw", "tinfo")),
    (r"tgetent|tgetstr|tputs|setupterm|cbreak|nocbreak|raw|noraw|keypad|nodelay|halfdelay|curs_set|stdscr|LINES|COLS|COLORS|TABSIZE|acs_map", ("tinfo",)),
    (r"sinf?|cosf?|tanf?|a(?:sin|cos|tan2?)f?|sqrtf?|powf?|expf?|log(?:2|10|1p)?f?|floorf?|ceilf?|roundf?|fmodf?|lgamma|tgamma", ("m",)),
    (r"dlopen|dlsym|dlclose|dlerror", ("dl",)),
    (r"pthread_\w+|sem_(?:init|post|wait)", ("pthread",)),
    (r"(?:inflate|deflate|gz)\w*|compress2?|uncompress|crc32|adler32", ("z",)),
    (r"uuid_\w+", ("uuid",)),
    (r"clock_gettime|timer_create|shm_open", ("rt",)),
)  # fmt: skip
_PATTERNS = tuple((re.compile(pattern), names) for pattern, names in _LIBRARIES)


def linked(plan: Plan, said: str) -> tuple[Plan, str] | None:
    """The plan whose compiler always links what the undefined symbols are in; None where they are not known."""
    if plan.runtime != "c":
        return None
    symbols = set(_UNDEFINED.findall(said))
    found = [
        name
        for pattern, names in _PATTERNS
        for name in names
        if any(pattern.fullmatch(s) for s in symbols)
    ]
    if not found:
        return None
    flags = " ".join(["-Wl,--no-as-needed", *(f"-l{name}" for name in dict.fromkeys(found))])
    # Which of these a build file reads is its author's habit.
    env = {"LDFLAGS": flags, "LIBS": flags, "LDLIBS": flags}
    steps = [step.model_copy(update={"env": {**env, **step.env}}) for step in plan.steps]
    if steps == plan.steps:
        return None
    why = f"It is linked with {', '.join(dict.fromkeys(found))}, which its build file forgets."
    return plan.model_copy(update={"steps": steps}), why

"""Environment variables of a run."""

import re
from collections.abc import Mapping

from shared.plan import Plan
from shared.sandbox_flags import LINE_BUFFERED
from web.refusals import Invalid

MAX_VARIABLES = 100
MAX_BYTES = 64 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def check(env: Mapping[str, str]) -> dict[str, str]:
    """The variables themselves, or `Invalid`."""
    if len(env) > MAX_VARIABLES:
        raise Invalid(f"At most {MAX_VARIABLES} environment variables are possible.")
    for name, value in env.items():
        if not _NAME.fullmatch(name):
            raise Invalid(
                f"{name[:80]!r} is no name of an environment variable; use letters, digits and _."
            )
        if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise Invalid(f"The value of {name} contains a character that cannot be passed on.")
    if sum(len(name) + len(value.encode()) for name, value in env.items()) > MAX_BYTES:
        raise Invalid(f"The environment variables are longer than {MAX_BYTES} bytes together.")
    return dict(env)


def of_run(plan: Plan | None, wanted: Mapping[str, str]) -> dict[str, str]:
    """What a program is started with: programs in C print line by line unless plan or run say else.

    Images made by a plan grow from our Debian base, which has what that needs; of others nobody knows.
    """
    if plan is None or not plan.base:
        return dict(wanted)
    return {**LINE_BUFFERED, **plan.env, **wanted}

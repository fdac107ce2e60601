"""The exit code of `toolyard run --wait`, as the contracts have it."""

TIMED_OUT = 124
OURS = 125


def of_run(state: str, exit_code: int | None, signal: int | None) -> int:
    """The tool's own code up to 123; 124 timed out; 125 an error of ours; 128+n ended by signal n."""
    if state == "timed_out":
        return TIMED_OUT
    if signal is not None:
        return 128 + signal
    if state == "succeeded":
        return 0
    if state == "failed" and exit_code is not None and 0 < exit_code < TIMED_OUT:
        return exit_code
    return OURS

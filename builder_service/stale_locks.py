"""A lock file that does not fit its manifest any more: installed from all the same, and completed where it is too short."""

import re

from shared.plan import Plan, Step

_SAID = re.compile(
    r"`npm ci` can only install packages when|npm ci can only install with an existing|ERR_PNPM_OUTDATED_LOCKFILE|ERR_PNPM_LOCKFILE_\w+"
    r"|lockfile needs to be updated, but yarn was run with|The lockfile would have been modified by this install|lockfile had changes, but lockfile is frozen"
)
_LOOSER = {
    "--frozen-lockfile": {"pnpm": "--no-frozen-lockfile", "yarn": "--pure-lockfile", "bun": "--no-save"},
    "--immutable": {"yarn": "--no-immutable"},
    "ci": {"npm": "install"},
}  # fmt: skip


def loosened(plan: Plan, said: str) -> tuple[Plan, str] | None:
    """The plan whose package manager may add to the lock; None where the text asks for no such thing."""
    if plan.runtime != "node" or not _SAID.search(said):
        return None
    steps = [_looser(step) for step in plan.steps]
    if steps == plan.steps:
        return None
    why = "The lock file does not fit package.json: what it lacks was resolved anew."
    return plan.model_copy(update={"steps": steps}), why


def _looser(step: Step) -> Step:
    argv = list(step.argv)
    for at, word in enumerate(argv):
        for manager, instead in _LOOSER.get(word, {}).items():
            if manager in argv[:at]:
                argv[at] = instead
    return step.model_copy(update={"argv": argv})

"""Which of the planned commands the build has really made: a build file may name programs that it leaves out."""

from builder_service.step_runner import Steps
from builder_service.trial import trial
from shared.plan import Plan

_SCRIPT = (
    'for program; do command -v "$program" >/dev/null && printf "%s\\n" "$program"; done; exit 0'
)
_GUESSED = frozenset({"c", "go", "rust"})
"""Where the plan names programs before a compiler has made them."""


def present(plan: Plan, image: str, steps: Steps) -> Plan:
    """The plan without commands whose program is not there; as it is where none or all of them are."""
    if plan.runtime not in _GUESSED or len(plan.commands) < 2:
        return plan
    programs = [command.run[0] for command in plan.commands]
    said = trial(image, ["sh", "-c", _SCRIPT, "sh", *programs], steps)
    there = set(said.out.decode(errors="replace").splitlines())
    missing = [command.name for command in plan.commands if command.run[0] not in there]
    if not missing or len(missing) == len(plan.commands):
        return plan
    steps.log.say(f"not made by this build: {', '.join(missing)}")
    commands = [command for command in plan.commands if command.name not in missing]
    return plan.model_copy(update={"commands": commands})

"""The plans of one build, one after the other: which is next, and what is said of those that were tried."""

from collections.abc import Callable
from dataclasses import dataclass, field

from builder_service.failures import BuildFailed
from builder_service.repair import explain
from shared.plan import Plan
from shared.work import PlanTried

MOST = 4
"""Plans of one build, repaired ones included."""
_NAMES = {"c": "a C", "cpp": "a C++", "r": "an R"}
_SHORT = 200

Repair = Callable[[Plan, str], tuple[Plan, str] | None]
"""The plan with what the failure's text asks for, and a sentence on it; None when it asks for nothing."""


@dataclass
class Attempts:
    """A queue of plans; a repaired plan comes before the next candidate."""

    waiting: list[Plan]
    repair: Repair
    tried: list[PlanTried] = field(default_factory=list)

    def next(self) -> Plan | None:
        """The plan to try now, or None when there is no more."""
        if not self.waiting or len(self.tried) >= MOST:
            return None
        return self.waiting.pop(0)

    def failed(self, plan: Plan, failure: BuildFailed) -> str:
        """Remember it; a sentence when a repaired plan comes next."""
        said = failure.said or str(failure)
        self.tried.append(PlanTried(plan=plan, reason=f"{failure}{explain(said)}"))
        repaired = self.repair(plan, said)
        if repaired is None or len(self.tried) >= MOST:
            return ""
        changed, why = repaired
        changed = changed.model_copy(update={"evidence": [*plan.evidence, why]})
        self.waiting.insert(0, changed)
        return why

    def succeeded(self, plan: Plan) -> Plan:
        """The plan with one sentence on those before it."""
        sentence = self._instead(plan)
        if sentence:
            plan = plan.model_copy(update={"evidence": [*plan.evidence, sentence]})
        self.tried.append(PlanTried(plan=plan))
        return plan

    def failure(self) -> str:
        """Why there is no tool: the last reason, and what was tried before it."""
        last = self.tried[-1].reason
        earlier = [
            f"{name_of(one.plan)} ({short(one.reason)})"
            for one in self.tried[:-1]
            if one.reason != last
        ]
        return f"{last} Tried before: {'; '.join(earlier)}." if earlier else last

    def _instead(self, plan: Plan) -> str:
        other = [one for one in self.tried if one.plan.runtime != plan.runtime]
        if not other:
            return ""
        names = "; ".join(f"{name_of(one.plan)} ({short(one.reason)})" for one in other)
        return f"Tried {names}; built as {name_of(plan)} instead."


def name_of(plan: Plan) -> str:
    """`a Python tool`, `the repository's Dockerfile`."""
    if plan.dockerfile is not None:
        return f"the repository's {plan.dockerfile.path}"
    return f"{_NAMES.get(plan.runtime) or f'a {plan.runtime.capitalize()}'} tool"


def short(reason: str) -> str:
    """The reason's beginning, fit for a bracket in a sentence."""
    text = reason.strip().rstrip(".")
    return text if len(text) <= _SHORT else text[:_SHORT].rsplit(" ", 1)[0] + " …"

"""Many questions to one image, asked in one container: a container costs more than most answers do."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from builder_service.step_runner import Steps
from builder_service.trial import trial
from shared.plan import Command, Plan

SECONDS = 10.0
"""For all the answers of one container."""
_SECONDS_EACH = 5
_KEPT = 1 << 20
_LANES = 2
_ROUNDS = 2

# Two lanes work at the same time, each answers on a stream of its own. The words stay arguments; each group is its
# number of words and the words.
_SCRIPT = """
mark=$1
shift
lane() {
  mine=$1
  turn=0
  shift
  while [ $# -gt 0 ]; do
    count=$1
    shift
    if [ $((turn % 2)) -eq "$mine" ]; then
      (
        rest=$(($# - count))
        n=0
        while [ $n -lt $count ]; do set -- "$@" "$1"; shift; n=$((n + 1)); done
        shift $rest
        COLUMNS=100 NO_COLOR=1 exec timeout SECONDS "$@" </dev/null 2>&1
      )
      printf '\\n%s\\n' "$mark"
    fi
    shift $count
    turn=$((turn + 1))
  done
}
lane 0 "$@" 2>/dev/null &
(lane 1 "$@" >&2 2>/dev/null)
wait
""".replace("SECONDS", str(_SECONDS_EACH))


@dataclass(frozen=True)
class Question:
    """A command or subcommand whose help is wanted."""

    command: Command
    path: tuple[str, ...]
    argument: str

    @property
    def argv(self) -> list[str]:
        if self.argument == "help":
            return [*self.command.run, "help", *self.path]
        return [*self.command.run, *self.path, self.argument]


def ask(image: str, questions: Sequence[Question], plan: Plan, steps: Steps) -> list[bytes | None]:
    """What each answered on either stream; None for one that did not in time.

    A command that takes all memory or processes, or the time, ends its container before the others were asked:
    they are asked once more, and before it.
    """
    answers: list[bytes | None] = [None] * len(questions)
    left = list(range(len(questions)))
    for _ in range(_ROUNDS):
        if not left:
            break
        steps.check()
        lanes = [left[first::_LANES] for first in range(_LANES)]
        said = _said(image, [questions[index] for index in left], plan, steps)
        suspects = []
        for lane, texts in zip(lanes, said, strict=True):
            for index, text in zip(lane, texts, strict=False):
                answers[index] = text
            suspects += lane[len(texts) : len(texts) + 1]
        left = [index for index in left if answers[index] is None and index not in suspects]
        left += suspects
    return answers


def _said(
    image: str, questions: Sequence[Question], plan: Plan, steps: Steps
) -> tuple[list[bytes], list[bytes]]:
    """What each lane's questions were answered, as far as it came."""
    mark = f"--{secrets.token_hex(12)}--"
    groups = [word for one in questions for word in (str(len(one.argv)), *one.argv)]
    said = trial(
        image,
        ["sh", "-c", _SCRIPT, "sh", mark, *groups],
        steps,
        env=plan.env,
        seconds=SECONDS,
        kept=_KEPT,
        start=plan.start,
    )
    end = f"\n{mark}\n".encode()
    return said.out.split(end)[:-1], said.err.split(end)[:-1]

"""What every language's file offers to the choice of a plan."""

from collections.abc import Callable
from dataclasses import dataclass

from builder_service.detect.finding import Facts, Finding
from builder_service.detect.tree import Tree
from shared.plan import Command, Plan


@dataclass(frozen=True)
class Language:
    """A language's detector, and how a command that the owner names is run in it."""

    name: str
    detect: Callable[[Tree, Facts], Finding]
    command_for: Callable[[Tree, str], Command | None]
    """The command for a file of the repository or a name, None when this language cannot run it."""
    plan_for: Callable[[Tree, Facts, Command], Plan]
    """The plan for a command that detection did not see by itself."""
    suffixes: tuple[str, ...]
    """Extensions of the language's own files; the bytes of those files decide between equals."""
    interpreters: tuple[str, ...] = ()
    """First words (of a shebang, of a wanted command) that speak for this language."""

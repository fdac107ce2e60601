"""A look at a repository: the plan that a build would begin with, and nothing of it carried out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from builder_service import about, toolyard_yaml
from builder_service.apart import apart
from builder_service.detect import python_manifests
from builder_service.detect.finding import Facts
from builder_service.detect.tree import Tree
from builder_service.failures import Cancelled
from builder_service.fetch import Source, fetch, newest
from shared.git_link import check_folder, parse
from shared.plan import Plan
from shared.work import PreviewPhase, SourceCredential


@dataclass(frozen=True)
class Wishes:
    """What is wanted of the plan; empty: as found."""

    ref: str | None = None
    folder: str = ""
    runtime: str | None = None
    command: str | None = None
    overrides: str = ""


@dataclass(frozen=True)
class Seen:
    """What the look found; `commit` is None for a folder, `plan` where only the commit was asked for."""

    commit: str | None
    plan: Plan | None
    description: str = ""


def at_link(
    text: str,
    wishes: Wishes,
    scratch: Path,
    source: Source,
    *,
    commit_only: bool = False,
    credential: SourceCredential | None = None,
    cancelled: Event | None = None,
    enter: Callable[[PreviewPhase], None] = lambda phase: None,
) -> Seen:
    """Clone and detect; raises `BadLink`, `BuildFailed`, `NoPlan` or `Cancelled`."""
    enter("cloning")
    link = parse(text, source.allowed)
    if commit_only:
        return Seen(
            newest(link, wishes.ref, scratch, source, credential=credential, cancelled=cancelled),
            None,
        )
    fetched = fetch(
        link,
        wishes.ref,
        check_folder(wishes.folder),
        scratch / "clone",
        source,
        credential=credential,
        cancelled=cancelled,
    )
    enter("detecting")
    tree = Tree(fetched.tree / fetched.folder)

    def check() -> None:
        if cancelled is not None and cancelled.is_set():
            raise Cancelled

    version = fetched.version() if apart(wants_version, tree, check=check) else None
    name = fetched.folder.rsplit("/", 1)[-1] or link.name
    plan, description = apart(_look, tree, name, version, wishes, check=check)
    return Seen(fetched.commit, plan, description)


def wants_version(tree: Tree) -> bool:
    """Whether a back end takes the version from the repository's tags."""
    return python_manifests.read(tree).version_from_tag


def in_folder(root: Path, wishes: Wishes) -> Seen:
    """A folder of this machine; raises `BadLink` or `NoPlan`."""
    folder = check_folder(wishes.folder)
    name = folder.rsplit("/", 1)[-1] or root.name
    return Seen(None, *_look(Tree(root / folder), name, None, wishes))


def _look(tree: Tree, name: str, version: str | None, wishes: Wishes) -> tuple[Plan, str]:
    return _plan(tree, name, version, wishes), about.about(tree).description


def _plan(tree: Tree, name: str, version: str | None, wishes: Wishes) -> Plan:
    facts = Facts(name.removesuffix(".git"), wishes.command, version)
    return toolyard_yaml.candidates(
        tree, facts, runtime=wishes.runtime, pasted=wishes.overrides
    ).plans[0]

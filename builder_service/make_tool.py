"""From a link to an image that answers: clone, detect, build, smoke, publish; and the report of it."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from builder_service import (
    about,
    apart,
    bases,
    fetch,
    forms,
    locks,
    looking,
    smoke,
    steps,
    toolyard_yaml,
)
from builder_service import plan as plans
from builder_service.attempts import Attempts, name_of
from builder_service.build_log import BuildLog
from builder_service.detect.finding import Facts, NoPlan
from builder_service.detect.tree import Tree
from builder_service.failures import BuildFailed, TimedOut
from builder_service.kept import Keeper, note_use
from builder_service.obtain import Obtaining, obtain
from builder_service.own_dockerfile import carry_out
from builder_service.papers import Papers
from builder_service.present import present
from builder_service.publish_image import Publication
from builder_service.repair import repair
from builder_service.step_runner import Steps
from builder_service.steps import Built
from builder_service.workshop import Workshop
from shared.containers import ImageGone
from shared.git_link import BadLink, GitLink, parse
from shared.installation import installation_id
from shared.plan import Plan
from shared.work import BuildAssignment, BuildPhase, BuildReport, PlanTried


@dataclass
class Tool:
    """One build: fills its report as it goes, so that a failure tells what was found before it."""

    workshop: Workshop
    assignment: BuildAssignment
    folder: Path
    log: BuildLog
    steps: Steps
    cancelled: threading.Event
    report: BuildReport
    _phase: BuildPhase | None = None
    _bases: dict[str, str] = field(default_factory=dict)
    """Names and digests of the bases that the last image stands on."""
    _version: str = ""
    """As the repository's tags gave it, where a back end asked."""

    def make(self) -> None:
        """Ends with the report of a success, or raises `BuildFailed`."""
        with Papers(
            self.workshop, self.assignment, self.folder, self.steps, self.cancelled
        ) as papers:
            self._make(papers)

    def _make(self, papers: Papers) -> None:
        self._enter("cloning")
        apart.begin()
        link = self._link()
        fetched = self._fetch(link)
        papers.pack(fetched.tree)
        self._enter("detecting")
        tree = Tree(fetched.tree / fetched.folder)
        choice = self._choose(tree, link, fetched)
        texts = apart.apart(about.about, tree, check=self.steps.check)
        self.report.readme, self.report.description, self.report.licence = (
            texts.readme, texts.description, texts.licence,
        )  # fmt: skip
        self._try(choice, tree, link, fetched, papers)
        self._enter("publishing")
        papers.file(
            self.report,
            tree,
            link=link.url,
            bases=self._bases,
            version=self._version,
        )
        if publication := self._publication():
            self.report.image = publication.publish(
                str(self.report.image), str(self.report.identity)
            )
        self.report.state = "succeeded"

    def _publication(self) -> Publication | None:
        """None: images stay on this engine."""
        if not self.assignment.repository:
            return None
        return Publication(
            self.workshop, self.assignment, self.log, self.steps.check, self.cancelled
        )

    def _enter(self, phase: BuildPhase) -> None:
        if phase != self._phase:
            self._phase = phase
            self.log.phase(phase)

    def _try(
        self,
        choice: plans.Choice,
        tree: Tree,
        link: GitLink,
        fetched: fetch.Fetched,
        papers: Papers,
    ) -> None:
        """One plan after the other, until an image answers."""
        attempts = Attempts(list(choice.plans), lambda plan, said: repair(plan, said, tree.has))
        self.report.plans_tried = attempts.tried
        while (plan := attempts.next()) is not None:
            if attempts.tried:
                self.log.say(f"the next plan: {name_of(plan)}")
            for line in plan.evidence:
                self.log.say(line)
            self.report.plan, self.report.commands = plan, plan.commands
            self._enter("building")
            self.steps.begin_plan()
            try:
                made = self._image(plan, tree, link, fetched, papers)
            except TimedOut as failure:
                attempts.tried.append(PlanTried(plan=plan, reason=str(failure)))
                raise
            except BuildFailed as failure:
                self.log.say(f"this plan failed: {failure}")
                if why := attempts.failed(plan, failure):
                    self.log.say(why)
                continue
            self.report.plan = attempts.succeeded(made)
            return
        raise BuildFailed(" ".join(filter(None, (attempts.failure(), choice.absent))))

    def _link(self) -> GitLink:
        try:
            return parse(self.assignment.link, self.workshop.source.allowed)
        except BadLink as error:
            raise BuildFailed(str(error)) from error

    def _fetch(self, link: GitLink) -> fetch.Fetched:
        way = Obtaining(
            self.workshop, self.folder, self.log, self.cancelled, check=self.steps.check
        )
        found = obtain(self.assignment, link, way)
        self.report.commit = found.commit
        return found

    def _choose(self, tree: Tree, link: GitLink, fetched: fetch.Fetched) -> plans.Choice:
        version = None
        if apart.apart(looking.wants_version, tree, check=self.steps.check):
            version = self._version = fetched.version()
            self.log.say(f"the version from the repository's tags is {version}")
        facts = Facts(
            fetched.folder.rsplit("/", 1)[-1] or link.name, self.assignment.command, version
        )
        candidates = partial(
            toolyard_yaml.candidates,
            runtime=self.assignment.runtime,
            network=self.assignment.network,
            pasted=self.assignment.overrides,
        )
        try:
            choice = apart.apart(candidates, tree, facts, check=self.steps.check)
        except NoPlan as error:
            raise BuildFailed(str(error)) from error
        for line in choice.notes:
            self.log.say(line)
        return choice

    def _image(
        self, plan: Plan, tree: Tree, link: GitLink, fetched: fetch.Fetched, papers: Papers
    ) -> Plan:
        """The plan with its commands as they answered."""
        state, containers = self.workshop.state, self.workshop.containers
        ids = {
            name: bases.ensure(name, self.steps, self.workshop.data, state)
            for name in carry_out.bases_of(plan)
        }
        self._bases = ids
        identity = plans.identity(
            repository=link.url,
            commit=fetched.commit,
            folder=fetched.folder,
            plan=plan,
            base="+".join(ids.values()),
            scope=self.assignment.scope,
        )
        tag = f"{steps.BUILD_TAG}:{identity}"
        keeper = Keeper(self.steps, state, self.assignment.scope)
        with locks.held(
            state / "locks", f"build-{identity[:32]}", self.workshop.clock, self.steps.check
        ):
            image = containers.image_id(tag)
            if image is None and (publication := self._publication()):
                image = publication.find(identity, tag)
            self.report.reused = image is not None
            if image is None:
                made = self._build(plan, ids, tree, keeper)
                built = made.image
                papers.look_into(made.packages)  # while it is asked how it answers
            else:
                built = image
                self.log.say("this image was built before; nothing is built twice")
            self._enter("smoking")
            if plan.dockerfile:
                plan = carry_out.with_paths(plan, built, self.steps)
            plan = present(plan, built, self.steps)
            kept = state / "forms" / f"{identity}.json"
            with ThreadPoolExecutor(2, thread_name_prefix="beside") as beside:
                others = beside.submit(forms.ask_others, built, plan, self.steps, kept)
                if image is None:
                    own = installation_id(self.workshop.data)
                    whole = beside.submit(steps.finished, built, plan, keeper, own)
                answered = smoke.smoke(built, plan, self.steps)
                heard = {**others.result(), **answered.heard}
                self.report.forms = forms.forms(
                    built, plan, answered.commands, heard, self.steps, kept
                )
                if image is None:
                    image = whole.result()
                    containers.tag_image(image, tag)
        note_use(state, tag)
        self.report.identity, self.report.image = identity, image
        self.report.image_bytes = containers.image_size(image)
        self.report.commands = answered.commands
        notes = [answered.note] if answered.note else []
        return plan.model_copy(
            update={"commands": answered.commands, "evidence": [*plan.evidence, *notes]}
        )

    def _build(self, plan: Plan, ids: dict[str, str], tree: Tree, keeper: Keeper) -> Built:
        for last in (False, True):
            try:
                if plan.dockerfile:
                    image = carry_out.build(plan, ids, tree.root, keeper)
                    return Built(image, image)
                return steps.build(plan, ids[plan.base], tree.root, keeper)
            except ImageGone:  # a kept step was collected while we built on it
                if last:
                    raise
                self.log.say("a kept step was removed meanwhile; once more")
        raise AssertionError("unreachable")


def container_prefix(assignment: BuildAssignment) -> str:
    """Names of a build's containers begin with this; unique for each attempt."""
    return "b" + hashlib.sha256(f"{assignment.id}/{assignment.attempt}".encode()).hexdigest()[:16]

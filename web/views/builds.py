"""A build followed live: its steps, its log, the plan that was found and what was tried."""

from typing import cast

from flask import Blueprint, Response, redirect, render_template, url_for

from shared.plan import Plan
from web import access, auth, queue_position
from web.api import found
from web.api.answers import wake
from web.cancel import cancel_build, topics
from web.views import lookups, phases, shown
from web.views.outputs import so_far
from web.views.tools import tried


def blueprint() -> Blueprint:
    """The build pages."""
    routes = Blueprint("builds", __name__)

    @routes.get("/builds/<build_id>")
    def show(build_id: str) -> str:
        viewer = auth.required().account
        with auth.ports().transactions.read() as session:
            build, version, tool = found.build(session, viewer, build_id)
            events = lookups.events(session, build.id)
            place = queue_position.place(session, build)
        live = build.state not in shown.TERMINAL
        return render_template(
            "build.html",
            build=build,
            version=version,
            tool=tool,
            may_edit=access.may_edit_tool(viewer, tool),
            live=live,
            cancelling=build.cancel_requested_at is not None,
            state=shown.build_state(build),
            since=build.started_at if live else None,
            phases=phases.line(events, phases.BUILD_STEPS, build.state),
            seq=events[-1].seq if events else 0,
            place=place,
            queue=phases.queue_sentence(build.state, place),
            plan=Plan.model_validate(version.plan) if version.plan else None,
            tried=tried(version) if not live else [],
            events=f"/api/v1/builds/{build.id}/events",
        )

    @routes.get("/builds/<build_id>/log")
    def log(build_id: str) -> Response:
        viewer = auth.required().account
        with auth.ports().transactions.read() as session:
            found.build(session, viewer, build_id)
        return so_far("build", build_id, "stdout")

    @routes.post("/builds/<build_id>/cancel")
    def cancel(build_id: str) -> Response:
        account = auth.required().account
        with auth.ports().transactions.begin() as session:
            build, _, _ = found.build(session, account, build_id)
            build = cancel_build(session, account, build)
            told = topics(build)
        wake(*told)
        return cast(Response, redirect(url_for("builds.show", build_id=build_id), 303))

    return routes

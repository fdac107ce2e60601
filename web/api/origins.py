"""Where a version comes from: provenance, bill of materials, source; what it changed; built again from it."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.form import Form
from shared.schema.tools import Tool, Version
from web import auth, form_changes, provenance
from web.api import found, shown
from web.api.answers import SECURED, created, hit, json
from web.form_changes import FormChanges
from web.rebuild_version import rebuild_from_snapshot
from web.refusals import Absent
from web.schemas import BuildInfo

_URL_SECONDS = 300


class VersionPath(BaseModel):
    tool: str = Field(max_length=200)
    """Name or id."""
    number: int = Field(ge=1, le=1 << 31)


class Changes(BaseModel):
    """How the forms differ from the version before; empty lists where nothing did."""

    before: int | None
    """The version that is compared with, None where there is none."""
    commands: list[FormChanges]


class Statement(BaseModel):
    """An in-toto statement, see `web/provenance.py`."""

    model_config = {"extra": "allow"}


def blueprint() -> APIBlueprint:
    """The routes below `/api/v1/tools/<tool>/versions/<number>` about origins."""
    routes = APIBlueprint("api_origins", __name__, url_prefix="/api/v1")
    base = "/tools/<tool>/versions/<int:number>"

    @routes.get(f"{base}/provenance", summary="How it was made", responses={200: Statement})
    def made_how(path: VersionPath) -> Response:
        """An in-toto statement with SLSA's predicate; not signed."""
        ports = auth.ports()
        with ports.transactions.read() as session:
            tool, version = _found(session, path)
            statement = provenance.statement(tool, version, ports.settings.url)
        if statement is None:
            raise Absent("How this version was made has not been recorded; build it again.")
        return json(Statement.model_validate(statement))

    @routes.get(f"{base}/sbom", summary="What is in it (CycloneDX)", responses={302: None})
    def bill(path: VersionPath) -> Response:
        with auth.ports().transactions.read() as session:
            tool, version = _found(session, path)
            key, name = version.sbom_key, f"{tool.name}-{version.number}.cdx.json"
        if key is None:
            raise Absent("This version has no bill of materials yet; build it again.")
        return _download(key, name)

    @routes.get(f"{base}/source", summary="Its source (tar.zst)", responses={302: None})
    def source(path: VersionPath) -> Response:
        with auth.ports().transactions.read() as session:
            tool, version = _found(session, path)
            key, name = version.source_key, f"{tool.name}-{version.number}.tar.zst"
        if key is None:
            raise Absent("The source of this version was not kept.")
        return _download(key, name)

    @routes.get(f"{base}/changes", summary="What changed in its form", responses={200: Changes})
    def changed(path: VersionPath) -> Response:
        with auth.ports().transactions.read() as session:
            tool, version = _found(session, path)
            before = version_before(session, tool, version)
            return json(
                Changes(
                    before=before.number if before else None,
                    commands=changes_between(before, version),
                )
            )

    @routes.post(
        f"{base}/rebuild",
        summary="Build again from the kept source",
        security=SECURED,
        responses={201: BuildInfo},
    )
    def again(path: VersionPath) -> Response:
        """Works when upstream has vanished; a newer base image brings its security updates."""
        account = auth.required().account
        hit("add")

        def make(session: Session) -> tuple[int, BaseModel]:
            tool, version = _found(session, path)
            job = rebuild_from_snapshot(session, account, tool, version, auth.ports().plans)
            return 201, shown.build(job, version, tool)

        return created(make)

    return routes


def version_before(session: Session, tool: Tool, version: Version) -> Version | None:
    """The newest ready version below this one."""
    return session.scalars(
        select(Version)
        .where(
            Version.tool_id == tool.id, Version.number < version.number, Version.state == "ready"
        )
        .order_by(Version.number.desc())
        .limit(1)
    ).one_or_none()


def changes_between(before: Version | None, version: Version) -> list[FormChanges]:
    """Nothing where there is no version to compare with, or this one is not ready."""
    if before is None or version.state != "ready":
        return []
    return form_changes.changes(_forms(before), _forms(version))


def _forms(version: Version) -> dict[str, Form]:
    return {name: Form.model_validate(form) for name, form in (version.forms or {}).items()}


def _found(session: Session, path: VersionPath) -> tuple[Tool, Version]:
    tool = found.tool(session, auth.viewer(), path.tool)
    return tool, found.version(session, tool, path.number)


def _download(key: str, name: str) -> Response:
    url = auth.ports().objects.presign_get(key, seconds=_URL_SECONDS, filename=name)
    return Response(status=302, headers={"Location": url, "Cache-Control": "no-store"})

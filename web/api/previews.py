"""Previews: what would be built of a repository, without building it."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from web import auth, previews
from web.add_tool import Source
from web.api import found, shown
from web.api.answers import SECURED, created, hit, json
from web.schemas import NewPreview, PreviewInfo


class PreviewPath(BaseModel):
    preview_id: str = Field(max_length=64)


def blueprint() -> APIBlueprint:
    """The routes below `/api/v1/previews`."""
    routes = APIBlueprint("api_previews", __name__, url_prefix="/api/v1")

    @routes.post(
        "/previews",
        summary="Look at a repository without building it",
        security=SECURED,
        responses={201: PreviewInfo},
    )
    def look(body: NewPreview) -> Response:
        """Ask again for the preview until its state is `succeeded`, `failed`, `timed_out` or `lost`."""
        account = auth.required().account
        hit("preview")

        def make(session: Session) -> tuple[int, BaseModel]:
            preview = previews.request_preview(
                session,
                account,
                Source(**body.model_dump()),
                allowed_hosts=auth.ports().settings.allowed_hosts,
                plans=auth.ports().plans,
            )
            return 201, shown.preview(preview)

        return created(make)

    @routes.get(
        "/previews/<preview_id>",
        summary="One preview",
        security=SECURED,
        responses={200: PreviewInfo},
    )
    def one(path: PreviewPath) -> Response:
        """The plan and its commands, or the reason why there are none; kept for a day."""
        account = auth.required().account
        with auth.ports().transactions.read() as session:
            return json(shown.preview(found.preview(session, account, path.preview_id)))

    return routes

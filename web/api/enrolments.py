"""Workers on EC2 get the worker token and their release in exchange for a proof of their role."""

from importlib import import_module
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Response, current_app, jsonify, request
from pydantic import BaseModel, Field, ValidationError

from web.ports import WebPorts
from web.rate_limits import RateLimits
from web.refusals import Absent, Conflict, Forbidden, Invalid, Refused

log = structlog.get_logger()


class EnrolmentRequest(BaseModel):
    """Headers of a signed `GetCallerIdentity`, and the digest of the release that is wanted."""

    headers: dict[str, str] = Field(max_length=20)
    release: str = Field(pattern=r"^[0-9a-f]{64}$")


def make_blueprint(ports: WebPorts) -> Blueprint:
    """`POST /api/v1/worker/enrolments`; absent where no role is named."""
    blueprint = Blueprint("enrolments", __name__, url_prefix="/api/v1/worker")
    roles = frozenset(filter(None, (r.strip() for r in ports.settings.worker_roles.split(","))))

    @blueprint.post("/enrolments")
    def enrol() -> Response:
        if not roles:
            raise Absent("This installation's workers are given their token by hand.")
        rates: RateLimits = current_app.extensions["toolyard-rates"]
        rates.hit("enrol", request.remote_addr or "")  # each makes us ask AWS
        try:
            wanted = EnrolmentRequest.model_validate_json(request.get_data())
        except ValidationError as error:
            raise Invalid(
                "A signed GetCallerIdentity's headers and a release are needed."
            ) from error
        aws = import_module("shared.aws_enrolment")  # brings the SDK, which others need not pay for
        try:
            role = aws.role_of(wanted.headers, urlsplit(ports.settings.url).netloc)
        except aws.NotProven as error:
            log.warning("enrolment_refused", reason=str(error))
            raise Forbidden(f"This proves no role: {error}.") from error
        except aws.Unanswered as error:
            raise Refused("AWS does not answer; try again.", status=503, retry_after=10) from error
        if role not in roles:
            log.warning("enrolment_refused", role=role)
            raise Forbidden("This role is none of this installation's workers.")
        if f"/{wanted.release}." not in ports.settings.release:
            raise Conflict("Web serves another release; ask again when it has been replaced.")
        log.info("worker_enrolled", role=role)
        return jsonify(
            worker_token=ports.worker_token, release_url=aws.release_url(ports.settings.release)
        )

    return blueprint

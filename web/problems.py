"""Every failure becomes one clear answer: JSON for programs, a page for people, never our internals."""

from typing import cast
from urllib.parse import urlencode

import structlog
from flask import Flask, Response, g, jsonify, make_response, redirect, render_template, request
from jinja2 import TemplateNotFound
from pydantic import ValidationError
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException

from shared.objects import NotFound
from web.refusals import Absent, Invalid, Refused, TooLarge, Unauthenticated

log = structlog.get_logger()

_CODES = {400: "bad_request", 404: "not_found", 405: "method", 413: "too_large", 415: "media_type"}
_SENTENCES = {
    404: "There is nothing here.",
    405: "This address does not take that method.",
    413: "The request is larger than allowed.",
    415: "Send the header Content-Type: application/json.",
}
BROKEN = "Something broke on our side. Try again; if it stays, give the operator the request id."


def for_program() -> bool:
    """Whether the answer is read by a program."""
    return request.path.startswith(("/api/", "/objects/", "/healthz", "/readyz", "/metrics"))


def answer(refused: Refused) -> Response:
    """The response that says what was wrong and what to do."""
    if for_program():
        error = {"code": refused.code, "message": refused.message, "details": refused.details}
        response = jsonify({"error": error})
    elif isinstance(refused, Unauthenticated) and request.method in ("GET", "HEAD"):
        target = request.full_path.rstrip("?")
        return cast(Response, redirect("/sign-in?" + urlencode({"next": target}), 303))
    else:
        response = _page(refused)
    response.status_code = refused.status
    if refused.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(refused.retry_after + 0.5)))
    if refused.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _page(refused: Refused) -> Response:
    facts = {
        "status": refused.status,
        "code": refused.code,
        "message": refused.message,
        "request_id": g.get("request_id", ""),
    }
    try:
        return make_response(render_template("error.html", **facts))
    except TemplateNotFound:
        response = make_response(f"{refused.message}\n")
        response.mimetype = "text/plain"
        return response


def invalid(error: ValidationError) -> Response:
    """What is wrong with a body or query: field and reason, never the value (it may be a password)."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    fields = [
        {"field": ".".join(str(part) for part in item["loc"]), "problem": _problem(item["msg"])}
        for item in found
    ]
    named = "; ".join(f"{f['field'] or 'body'}: {f['problem']}" for f in fields[:3])
    refused = Refused(
        f"The request is not valid. {named}.",
        status=422,
        code="invalid",
        details={"fields": fields},
    )
    return answer(refused)


def _problem(message: str) -> str:
    return message.removeprefix("Value error, ").rstrip(".")


def install(app: Flask) -> None:
    """Handle what views raise, and what no view handles."""

    @app.errorhandler(Refused)
    def on_refused(error: Refused) -> Response:
        return answer(error)

    @app.errorhandler(NotFound)
    def on_absent(error: NotFound) -> Response:
        return answer(Absent("These bytes are not stored here any more."))

    @app.errorhandler(ValidationError)
    def on_invalid(error: ValidationError) -> Response:
        return invalid(error)

    @app.before_request
    def fit() -> None:
        if "\0" in request.path or "%00" in request.query_string.decode("latin-1"):
            raise Absent(_SENTENCES[404])

    @app.errorhandler(DataError)
    @app.errorhandler(UnicodeEncodeError)
    def on_unfit(error: Exception) -> Response:
        return answer(Invalid("Some text holds characters that cannot be stored, such as NUL."))

    @app.errorhandler(OverflowError)
    def on_huge(error: Exception) -> Response:
        return answer(Invalid("A number is larger than any that is stored here."))

    @app.errorhandler(RecursionError)
    def on_nested(error: Exception) -> Response:
        return answer(Invalid("The JSON is nested too deeply."))

    @app.errorhandler(HTTPException)
    def on_http(error: HTTPException) -> Response:
        status = error.code or 500
        if error.response is not None:
            return cast(Response, error.response)
        if status < 400:
            return cast(Response, error.get_response())
        if status == 413:
            return answer(TooLarge(_SENTENCES[413]))
        code = _CODES.get(status, "refused" if status < 500 else "broken")
        sentence = _SENTENCES.get(status, BROKEN if status >= 500 else "We do not understand this.")
        response = answer(Refused(sentence, status=status, code=code))
        if status == 405 and (allowed := getattr(error, "valid_methods", None)):
            response.headers["Allow"] = ", ".join(allowed)
        return response

    @app.errorhandler(Exception)
    def on_surprise(error: Exception) -> Response:
        log.error("request_failed", exc_info=error)
        return answer(
            Refused(
                BROKEN,
                status=500,
                code="broken",
                details={"request_id": g.get("request_id", "")},
            )
        )

"""The API described for programs (`openapi.json`) and for people (`docs`)."""

from typing import Any

from flask import Blueprint, Response, jsonify, render_template
from flask_openapi3.openapi import OpenAPI

INTRODUCTION = (
    "Paste a Git link; get a tool that anyone can run. Send an API token as "
    "`Authorization: Bearer ty_…`. Send an `Idempotency-Key` with every create: the same key and "
    "body give the same answer for 24 hours. Errors are "
    '`{"error": {"code", "message", "details"}}`; lists are `{"items", "next"}`.'
)
_METHODS = ("get", "post", "put", "patch", "delete")


def blueprint(app: OpenAPI) -> Blueprint:
    """`/api/v1/openapi.json` and a page that obeys our content security policy."""
    routes = Blueprint("documentation", __name__, url_prefix="/api/v1")

    @routes.get("/openapi.json")
    def openapi_json() -> Response:
        return jsonify(app.api_doc)

    @routes.get("/docs")
    def docs() -> str:
        return render_template(
            "api_docs.html", introduction=INTRODUCTION, operations=operations(app.api_doc)
        )

    return routes


def operations(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each path and method, with the fields of its body and answers."""
    rows = []
    for path, item in spec["paths"].items():
        for method in _METHODS:
            if method in item:
                rows.append(_operation(spec, path, method, item[method]))
    return rows


def _operation(
    spec: dict[str, Any], path: str, method: str, operation: dict[str, Any]
) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    body = content.get("application/json", {}).get("schema")
    return {
        "id": operation.get("operationId", f"{method}{path}"),
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "secured": bool(operation.get("security")),
        "parameters": [
            {"name": p["name"], "in": p["in"], "required": p.get("required", False)}
            for p in operation.get("parameters", [])
        ],
        "body": _fields(spec, body) if body else [],
        "answers": [
            {"status": status, "fields": _fields(spec, _schema_of(answer))}
            for status, answer in operation.get("responses", {}).items()
        ],
    }


def _schema_of(answer: dict[str, Any]) -> dict[str, Any]:
    for kind in answer.get("content", {}).values():
        schema: dict[str, Any] = kind.get("schema", {})
        return schema.get("items", schema) if schema.get("type") == "array" else schema
    return {}


def _fields(spec: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    schema = _resolved(spec, schema)
    needed = schema.get("required", [])
    return [
        {"name": name, "type": _type(found), "required": name in needed}
        for name, found in schema.get("properties", {}).items()
    ]


def _resolved(spec: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    resolved: dict[str, Any] = spec["components"]["schemas"].get(name, {}) if name else schema
    return resolved


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(part) for part in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("type", "any"))

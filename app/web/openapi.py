"""What /api/v1 is, for machines: OpenAPI 3.1, public at /api/v1/openapi.json. A test holds it to the routes."""

from __future__ import annotations

from typing import Any

from app.consent.entries import ASKED, CONSENTED, CORRECTED, IMPORTED, PROVISIONAL, PURPOSES, WITHDRAWN
from app.consent.question import MAX_PEOPLE, MAX_TEXT, NO_ENTRY
from app.settings import CHANNELS

Schema = dict[str, Any]

RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
WHO_ARE_YOU = {"WWW-Authenticate": {"description": "RFC 6750.", "schema": {"type": "string"}}}
TEXTS = {
    400: "Something is wrong with the question; `errors` names each field.",
    401: "No token, or one that is not known, revoked or at its end.",
    403: "The token lacks the scope suppressions:read.",
    411: "The body has no Content-Length.",
    413: "The body is larger than MAX_BODY.",
    415: "The body is not application/json.",
    429: "The token's rate (API_RATE), or too many bad tokens from one address.",
    503: "The database does not answer. Do not read this as `not suppressed`.",
}
HEADERS = {401: WHO_ARE_YOU, 403: WHO_ARE_YOU, 429: RETRY, 503: RETRY}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _problem(status: int) -> Schema:
    made = {"description": TEXTS[status], "content": {"application/problem+json": {"schema": _ref("Problem")}}}
    return {**made, **({"headers": HEADERS[status]} if status in HEADERS else {})}


def _operation(name: str, summary: str, answer: str, **asks: Any) -> Schema:
    statuses = [status for status in TEXTS if status not in (411, 413, 415) or "requestBody" in asks]
    if "requestBody" in asks:
        asks["requestBody"] = {"required": True, "content": _json(_ref(asks["requestBody"]))}
    good = {"description": "The answer.", "content": _json(_ref(answer))}
    responses = {"200": good, **{str(status): _problem(status) for status in statuses}}
    scope = [{"bearer": ["suppressions:read"]}]
    return {"operationId": name, "summary": summary, "security": scope, **asks, "responses": responses}


PHONE = {"type": ["string", "null"], "maxLength": MAX_TEXT, "description": "Any form: +60…, 60…, 0060…, 0… or 1…"}
EMAIL = {"type": ["string", "null"], "maxLength": MAX_TEXT}
ID = {"type": ["string", "integer", "null"], "description": "The caller's own; comes back as it was."}
ON = {
    "type": "string",
    "description": "As the desk knew it at this time (with its offset), or at the end of this day (a date).",
    "examples": ["2026-11-21", "2026-11-21T10:00:00+08:00"],
}
PURPOSE = {"enum": list(PURPOSES), "default": "offers"}
CHANNEL = {"enum": list(CHANNELS)}
VERDICT: Schema = {
    "suppressed": {"type": "boolean", "description": "true: do not contact."},
    "since": {"type": ["string", "null"], "format": "date-time", "description": "When the wish reached the desk."},
    "reason": {"enum": [ASKED, PROVISIONAL, CORRECTED, WITHDRAWN, CONSENTED, IMPORTED, NO_ENTRY]},
}
FRAME: Schema = {
    "purpose": {"enum": list(PURPOSES)},
    "channel": CHANNEL,
    "as_of": {"type": "string", "format": "date-time"},
}


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    needed = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}


SCHEMAS: Schema = {
    "Question": _object(
        {"phone": PHONE, "email": EMAIL, "purpose": PURPOSE, "channel": CHANNEL, "on": ON}, ["channel"]
    ),
    "Person": _object({"id": ID, "phone": PHONE, "email": EMAIL}, []),
    "Batch": _object(
        {
            "purpose": PURPOSE,
            "channel": CHANNEL,
            "on": ON,
            "people": {"type": "array", "items": _ref("Person"), "minItems": 1, "maxItems": MAX_PEOPLE},
        },
        ["channel", "people"],
    ),
    "Answer": _object({**FRAME, **VERDICT}),
    "Result": _object({"id": ID, **VERDICT}),
    "Answers": _object({**FRAME, "results": {"type": "array", "items": _ref("Result")}}),
    "Problem": _object(
        {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string"},
            "errors": {
                "type": "array",
                "items": _object({"field": {"type": "string"}, "code": {"type": "string"}}),
            },
        },
        ["type", "title", "status", "code"],
    ),
}


def _parameter(name: str, schema: Schema, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "schema": schema}


DOCUMENT: Schema = {
    "openapi": "3.1.0",
    "info": {
        "title": "Deletion Desk: may we contact this customer?",
        "version": "1",
        "description": "Ask before any marketing message. A URL may be logged by whatever is between us: where that "
        "matters, use the POST forms, which hold the number in the body. An error is never a yes.",
    },
    "servers": [{"url": "/"}],
    "paths": {
        "/api/v1/suppressions": {
            "get": _operation(
                "suppression",
                "One person, purpose and channel",
                "Answer",
                parameters=[
                    _parameter("phone", {"type": "string"}),
                    _parameter("email", {"type": "string"}),
                    _parameter("purpose", PURPOSE),
                    _parameter("channel", CHANNEL, required=True),
                    _parameter("on", ON),
                ],
            )
        },
        "/api/v1/suppressions/query": {
            "post": _operation("suppressionQuery", "The same, in the body", "Answer", requestBody="Question")
        },
        "/api/v1/suppressions/batch": {
            "post": _operation("suppressionBatch", f"Up to {MAX_PEOPLE} people", "Answers", requestBody="Batch")
        },
        "/api/v1/openapi.json": {
            "get": {
                "operationId": "openapi",
                "summary": "This document",
                "security": [],
                "responses": {"200": {"description": "OpenAPI 3.1.", "content": _json({"type": "object"})}},
            }
        },
    },
    "components": {
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": "`desk tokens add`"}},
        "schemas": SCHEMAS,
    },
}

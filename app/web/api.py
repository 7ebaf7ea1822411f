"""/api/v1: machines ask the consent ledger "may we?" before any marketing message (features 1.7, 3.4).

A bearer token with the scope, a rate for each token, strict input, short problems (RFC 9457) that never repeat what was
asked. The POST forms keep a customer's number out of URLs, which proxies log; our own logs hold no query string.
"""

from __future__ import annotations

import json
import logging
import math
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Protocol, cast
from zoneinfo import ZoneInfo

import psycopg
from flask import Blueprint, Response, jsonify, request

from app import api_tokens, strictjson
from app.consent.question import MAX_PEOPLE, InvalidQuestionError, Question, Reader, answer
from app.db import Connection, Database
from app.errors import BadPayloadError, StoreError
from app.events import Json
from app.logs import report
from app.vault import Vault
from app.web.door import RETRY_AFTER, Door
from app.web.guard import RefusedRequest, Throttle, read_body
from app.web.openapi import DOCUMENT

log = logging.getLogger(__name__)

READ = "suppressions:read"
MAX_KEYS = 4 * MAX_PEOPLE + 20
_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)
Ask = Callable[[Reader, bytes], Question]
Show = Callable[[Question, list[dict[str, Json]]], dict[str, Json]]


class Asked(Protocol):
    """What the API needs of the desk, beside what the doors need."""

    db: Database
    vault: Vault


class Refused(Exception):  # noqa: N818 - it carries an answer, it is not a fault of ours
    """Answer with this problem."""

    def __init__(self, status: int, code: str, headers: Mapping[str, str] | None = None, **more: Json) -> None:
        super().__init__(code)
        self.answer = problem(status, code, headers, **more)


def problem(status: int, code: str, headers: Mapping[str, str] | None = None, **more: Json) -> Response:
    """`application/problem+json`: constants and field names only."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": code, **more}
    text = json.dumps(body, separators=(",", ":"))
    return Response(text, status=status, headers=dict(headers or {}), mimetype="application/problem+json")


class Api:
    """The questions of one web process. `door.desk` is looked into when somebody asks, never before."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._throttle = Throttle()
        self._zone = ZoneInfo(door.settings.desk_time_zone)

    def serve(self, ask: Ask, show: Show) -> Response:
        """Handles the current request from its first byte to its answer."""
        began = time.perf_counter()
        try:
            reply = self._serve(ask, show)
        except Refused as refused:
            reply = refused.answer
        except RefusedRequest as refused:  # the guard's short body in our form; it may close the connection
            code = json.loads(refused.answer.get_data())["error"]
            keep = {k: v for k, v in refused.answer.headers.items() if k in ("Connection", "Retry-After")}
            reply = problem(refused.answer.status_code, code, keep)
        except StoreError as failed:
            log.warning("api.no_store", extra={"reason": failed.reason})
            reply = problem(503, "try_again", {"Retry-After": str(RETRY_AFTER)})
        except psycopg.Error as bug:
            report(log, "api.failed", bug)
            reply = problem(503, "try_again", {"Retry-After": str(RETRY_AFTER)})
        took = round((time.perf_counter() - began) * 1000, 1)
        self._door.metrics.requests.labels("api", str(reply.status_code)).inc()
        route = request.url_rule.rule if request.url_rule else "none"
        log.info("api.answered", extra={"route": route, "status": reply.status_code, "ms": took})
        return reply

    def _serve(self, ask: Ask, show: Show) -> Response:
        body = self._body()
        desk = cast(Asked, self._door.desk)
        with desk.db.each() as conn:
            self._admit(conn, desk.vault)
        try:
            question = ask(Reader(desk.vault, self._zone), body)
        except InvalidQuestionError as invalid:
            errors: list[Json] = [{"field": field, "code": code} for field, code in invalid.errors]
            raise Refused(400, "invalid", errors=errors) from None
        except BadPayloadError as bad:
            raise Refused(400, "invalid", errors=[{"field": "body", "code": bad.reason}]) from None
        with desk.db.each() as conn:
            return jsonify(show(question, answer(conn, question)))

    def _body(self) -> bytes:
        if request.method == "POST":
            body = read_body(request, self._door.settings.max_body)
            if request.mimetype != "application/json":
                raise Refused(415, "media_type")
            return body
        if request.environ.get("CONTENT_LENGTH") not in (None, "", "0") or "Transfer-Encoding" in request.headers:
            raise Refused(400, "body", {"Connection": "close"})
        return b""

    def _admit(self, conn: Connection, vault: Vault) -> None:
        """The token, then its scope, then its rate. Only failures are counted against a peer, after the look-up."""
        given = _BEARER.fullmatch(request.headers.get("Authorization", ""))
        token = api_tokens.find(conn, vault, given[1]) if given else None
        if token is None:
            if self._throttle.too_many(request.remote_addr or "", self._door.clock()):
                raise Refused(429, "too_many", {"Retry-After": "60"})
            wrong = ', error="invalid_token"' if given else ""
            raise Refused(401, "token", {"WWW-Authenticate": f'Bearer realm="desk"{wrong}'})
        if READ not in token.scopes:
            need = f'Bearer realm="desk", error="insufficient_scope", scope="{READ}"'
            raise Refused(403, "scope", {"WWW-Authenticate": need})
        if wait := api_tokens.admit(conn, token, self._door.settings.api_rate):
            raise Refused(429, "too_many", {"Retry-After": str(max(1, math.ceil(wait)))})


def _frame(question: Question) -> dict[str, Json]:
    as_of = (question.on or datetime.now(UTC)).isoformat(timespec="seconds")
    return {"purpose": question.purpose, "channel": question.channel, "as_of": as_of}


def _one(question: Question, found: list[dict[str, Json]]) -> dict[str, Json]:
    return {**_frame(question), **found[0]}


def _all(question: Question, found: list[dict[str, Json]]) -> dict[str, Json]:
    results: list[Json] = [{"id": who.id, **item} for who, item in zip(question.people, found, strict=True)]
    return {**_frame(question), "results": results}


def blueprint(door: Door) -> Blueprint:
    routes = Blueprint("api", __name__, url_prefix="/api/v1")
    api = Api(door)

    @routes.route("/suppressions", methods=["GET"], provide_automatic_options=False)
    def suppressions() -> Response:
        return api.serve(lambda reader, _: reader.of_query(request.args.items(multi=True)), _one)

    @routes.route("/suppressions/query", methods=["POST"], provide_automatic_options=False)
    def query() -> Response:
        return api.serve(lambda reader, body: reader.of_one(strictjson.loads_object(body)), _one)

    @routes.route("/suppressions/batch", methods=["POST"], provide_automatic_options=False)
    def batch() -> Response:
        return api.serve(lambda reader, body: reader.of_batch(strictjson.loads_object(body, max_keys=MAX_KEYS)), _all)

    @routes.route("/openapi.json", methods=["GET"], provide_automatic_options=False)
    def openapi() -> Response:
        return jsonify(DOCUMENT)

    return routes

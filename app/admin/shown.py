"""What every answer under /admin has in common: its headers, and errors as small pages that tell nothing but a key.

The key of an error page is in the log line beside what happened. Source: bad-inputs A001, A030, A038; faults.md ASVS
3.4, 14.3.2.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping

import flask
import psycopg
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.admin.filters import FilterError
from app.admin.passwords import BusyError
from app.errors import StoreError
from app.logs import report
from app.web.guard import SECURITY_HEADERS, RefusedRequest
from app.web.guard import error as short_error

log = logging.getLogger(__name__)

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",  # Bootstrap's own style sheet draws its marks as data: pictures
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
}
PAGE_HEADERS = {
    **SECURITY_HEADERS,
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
}
BUSY_SECONDS = 2
WORDS = {
    400: ("That was not understood", "Something in the address or the form is not as it should be."),
    403: ("That is not for you", "Your role does not include it, or the form was not sent from a page of this desk."),
    404: ("There is nothing here", "The address leads nowhere, or what it named is not there."),
    405: ("Not in this way", "This address does not take that kind of request."),
    408: ("The request stopped short", "Not all of it arrived."),
    411: ("Something is missing", "The request did not say how long it is."),
    413: ("That is too much", "A form of this desk is never so large."),
    415: ("Not in this form", "This address does not read that kind of content."),
    429: ("Too many tries", "Nothing was looked at. Wait a little, then try again."),
    500: ("Something went wrong here", "The log has it under the key below. Nothing that you asked for was half done."),
    503: ("Not at this moment", "The desk cannot do it just now. Wait a little, then try again."),
}


def ours() -> bool:
    """Whether the current request is for a page of ours, found or not."""
    return request.path == "/admin" or request.path.startswith("/admin/")


def said(status: int, code: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error of any route, in the form of its part of the web process: a page, or the short body of machines."""
    return error(status, headers) if ours() else short_error(status, code, headers)


def error(
    status: int,
    headers: Mapping[str, str] | None = None,
    *,
    key: str = "",
    words: str = "",
    link: tuple[str, str] | None = None,
) -> Response:
    """An error's page. `words`: instead of the usual ones; `link`: (address, text) of what to do about it."""
    key = key or new_key()
    title, usual = WORDS.get(status, WORDS[400])
    log.info("admin.refused", extra={"status": status, "key": key, "route": route()})
    shown = {"status": status, "title": title, "words": words or usual, "key": key, "link": link}
    return page("admin/error.html", status, headers, **shown)


def page(template: str, status: int = 200, headers: Mapping[str, str] | None = None, /, **values: object) -> Response:
    """A page with the headers of all pages."""
    answer = Response(flask.render_template(template, **values), status=status, mimetype="text/html")
    answer.headers.update(headers or {})
    return secured(answer)


def secured(answer: Response) -> Response:
    """With every header of PAGE_HEADERS that it does not have; files keep what they say about their own keeping."""
    for name, value in PAGE_HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer


def new_key() -> str:
    return secrets.token_hex(6)


def route() -> str:
    """The matched rule, never the address as it was typed."""
    return request.url_rule.rule if request.url_rule else "none"


def register(routes: Blueprint) -> None:
    """For everything that views of ours raise."""
    routes.after_request(secured)
    routes.register_error_handler(RefusedRequest, _unreadable)
    routes.register_error_handler(HTTPException, _refused)
    routes.register_error_handler(FilterError, lambda _: error(400))
    routes.register_error_handler(BusyError, lambda _: error(503, {"Retry-After": str(BUSY_SECONDS)}))
    routes.register_error_handler(StoreError, _no_store)
    routes.register_error_handler(psycopg.OperationalError, _no_store)
    routes.register_error_handler(Exception, _failed)


def _unreadable(refused: RefusedRequest) -> Response:
    kept = {name: value for name, value in refused.answer.headers.items() if name in ("Connection", "Retry-After")}
    return error(refused.answer.status_code, kept)


def _refused(problem: HTTPException) -> Response:
    headers = {}
    if isinstance(problem, MethodNotAllowed):
        headers["Allow"] = ", ".join(sorted(problem.valid_methods or ()))
    return error(problem.code or 500, headers)


def _no_store(failed: Exception) -> Response:
    log.warning("admin.no_store", extra={"reason": getattr(failed, "reason", "store")})
    return error(503, {"Retry-After": str(BUSY_SECONDS)})


def _failed(bug: Exception) -> Response:
    key = new_key()
    report(log, "web.failed", bug, route=route(), method=request.method, key=key)
    return error(500, key=key)

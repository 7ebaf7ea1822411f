"""Every answer's last touch: security headers, and errors that say their code and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import flask
from flask import Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.logs import report
from app.web.guard import SECURITY_HEADERS, Hosts, error

log = logging.getLogger(__name__)
CODES = {404: "not_found", 405: "method_not_allowed"}
Say = Callable[[int, str, Mapping[str, str]], Response]


def register(app: flask.Flask, hosts: Hosts, said: Say = error) -> None:
    """`said`: makes an error's answer of status, code and headers; people get a page, machines the short body."""

    @app.before_request
    def ours() -> Response | None:
        return hosts.check(request)

    @app.errorhandler(HTTPException)
    def refused(problem: HTTPException) -> Response:
        status = problem.code or 500
        headers = {}
        if isinstance(problem, MethodNotAllowed):
            headers["Allow"] = ", ".join(sorted(problem.valid_methods or ()))
        return said(status, CODES.get(status, "bad_request"), headers)

    @app.errorhandler(Exception)
    def failed(bug: Exception) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        report(log, "web.failed", bug, route=route, method=request.method)
        return said(500, "internal", {})

    @app.after_request
    def secure(answer: Response) -> Response:
        for name, value in SECURITY_HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

"""Every answer's last touch: security headers, and errors that say their code and nothing else."""

from __future__ import annotations

import logging

import flask
from flask import Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.logs import report
from app.web.guard import SECURITY_HEADERS, Hosts, error

log = logging.getLogger(__name__)
CODES = {404: "not_found", 405: "method_not_allowed"}


def register(app: flask.Flask, hosts: Hosts) -> None:
    @app.before_request
    def ours() -> Response | None:
        return hosts.check(request)

    @app.errorhandler(HTTPException)
    def refused(problem: HTTPException) -> Response:
        status = problem.code or 500
        headers = {}
        if isinstance(problem, MethodNotAllowed):
            headers["Allow"] = ", ".join(sorted(problem.valid_methods or ()))
        return error(status, CODES.get(status, "bad_request"), headers)

    @app.errorhandler(Exception)
    def failed(bug: Exception) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        report(log, "web.failed", bug, route=route, method=request.method)
        return error(500, "internal")

    @app.after_request
    def secure(answer: Response) -> Response:
        for name, value in SECURITY_HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

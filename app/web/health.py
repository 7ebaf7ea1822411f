"""GET /healthz (the process lives), /readyz (it can work), /metrics (loopback only)."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable

from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, Metric
from werkzeug.exceptions import NotFound

from app.errors import StoreError
from app.web.door import Door

log = logging.getLogger(__name__)
_PROXIED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


def blueprint(door: Door) -> Blueprint:
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def healthz() -> Response:
        return jsonify(alive=True)  # touches nothing: a database that is down must not get the process killed

    @routes.get("/readyz")
    def readyz() -> Response:
        problems = door.desk.ready()
        answer = jsonify(ready=not problems, problems=problems)
        answer.status_code = 503 if problems else 200
        return answer

    @routes.get("/metrics")
    def metrics() -> Response:
        if not _from_here():
            raise NotFound
        return Response(door.metrics.text(_desk_metrics(door)), content_type=CONTENT_TYPE_LATEST)

    return routes


def _desk_metrics(door: Door) -> Iterable[Metric]:
    try:
        return list(door.desk.metrics())
    except StoreError as failed:  # the doors' own counters are wanted most when the store is down
        log.warning("metrics.no_store", extra={"reason": failed.reason})
        return []


def _from_here() -> bool:
    """A loopback peer that is not a proxy passing someone else's request on."""
    try:
        local = ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
    return local and not any(name in request.headers for name in _PROXIED)

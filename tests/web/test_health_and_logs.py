"""Liveness, readiness, metrics, security headers; and logs that hold no one's words."""

from __future__ import annotations

import json
import logging

import pytest
from doorkit import CANARY, FakeDesk, deliver, tagged
from flask import Flask
from flask.testing import FlaskClient

from app import create_app, logs
from app.errors import StoreError
from app.web.guard import SECURITY_HEADERS, Throttle


def test_health_and_readiness(client: FlaskClient, desk: FakeDesk) -> None:
    desk.error = StoreError("down", "store")
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").get_json() == {"ready": True, "problems": {}}
    desk.problems = {"database": "unreachable"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["problems"]) == (503, {"database": "unreachable"})
    assert desk.rows == []


def test_metrics_for_loopback_only(client: FlaskClient, desk: FakeDesk) -> None:
    deliver(client, tagged())
    deliver(client, b"{}", headers={"X-Zendesk-Webhook-Signature": "x"})
    text = client.get("/metrics").text
    assert 'desk_door_events_total{outcome="new",reason="",sender="zendesk"} 1.0' in text
    assert 'desk_door_refused_total{reason="wrong",sender="zendesk"} 1.0' in text
    assert "desk_open_cases 3.0" in text
    desk.error = StoreError("down", "store")
    assert "desk_door_events_total" in client.get("/metrics").text
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 404
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "::1"}).status_code == 200
    assert client.get("/metrics", headers={"X-Forwarded-For": "10.0.0.9"}).status_code == 404


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/.git/config", "/webhooks/zendesk"])
def test_security_headers(client: FlaskClient, path: str) -> None:  # A030, A039
    answer = client.get(path)
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_a_bug_says_nothing(flask_app: Flask, desk: FakeDesk, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> dict[str, str]:
        raise ValueError(CANARY)

    desk.ready = broken  # type: ignore[method-assign]
    answer = flask_app.test_client().get("/readyz")
    assert (answer.status_code, answer.get_data()) == (500, b'{"error":"internal"}')
    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (line["event"], line["error"], line["route"]) == ("web.failed", "ValueError", "/readyz")


def test_refused_settings_are_one_line(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setenv("SECRET_KEY", "change-me")
    with pytest.raises(SystemExit) as stopped:
        create_app(desk=desk)
    (line,) = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 4  # gunicorn then stops, instead of starting the worker again and again
    assert "SECRET_KEY" in line
    assert "ZENDESK_URL" in line
    assert "change-me" not in line


def line_of(
    name: str, msg: str, *args: object, error: BaseException | None = None, **extra: object
) -> dict[str, object]:
    record = logging.getLogger(name).makeRecord(
        name, logging.ERROR, "x.py", 1, msg, args, (type(error), error, None) if error else None, extra=extra
    )
    return dict(json.loads(logs.JsonFormatter().format(record)))


def test_log_lines() -> None:
    line = line_of("app.web.door", "door.answered", sender="zendesk", status=200, ms=1.23456, body=CANARY, tag="a b")
    assert (
        line.items() >= {"event": "door.answered", "sender": "zendesk", "status": 200, "ms": 1.235, "tag": "?"}.items()
    )
    assert "body" not in line
    assert line_of("app.x", f"customer {CANARY}")["event"] == "withheld"
    assert line_of("app.x", "mail.sent", key="aisyah@example.com")["key"] == "?"
    for name in ("urllib3", "werkzeug", "gunicorn.error", "py.warnings"):
        line = line_of(name, f"Invalid request: {CANARY} %s", CANARY, error=ValueError(CANARY))
        assert (line["event"], line["error"], line["logger"]) == ("library", "ValueError", name)
        assert CANARY not in json.dumps(line)
    assert line_of("gunicorn.error", "Listening at: %s (%s)", "http://127.0.0.1:1", 7)["event"].startswith(
        "Listening at"
    )


def test_libraries_are_quiet() -> None:
    logs.setup()
    logs.setup()
    root = logging.getLogger()
    assert sum(isinstance(handler, logs.Stderr) for handler in root.handlers) == 1
    assert not logging.getLogger("urllib3.connectionpool").isEnabledFor(logging.INFO)
    assert logging.getLogger("app.web.door").isEnabledFor(logging.INFO)


def test_throttle_is_bounded_and_forgives() -> None:
    throttle = Throttle(limit=2, window=60, size=3)
    assert [throttle.too_many("10.0.0.1", 0) for _ in range(4)] == [False, False, True, True]
    assert not throttle.too_many("10.0.0.1", 60)
    assert [throttle.too_many(f"2001:db8::{i}", 0) for i in range(3)] == [False, False, True]  # one /64
    for i in range(1000):
        throttle.too_many(f"10.1.{i // 256}.{i % 256}", 0)
    assert len(throttle._peers) == 3

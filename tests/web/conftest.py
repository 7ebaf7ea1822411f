"""An app with a fake desk behind it."""

from __future__ import annotations

import logging

import pytest
from doorkit import CANARY, FakeDesk, set_clock
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.settings import Settings


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def flask_app(settings: Settings, desk: FakeDesk) -> Flask:
    app = create_app(settings, desk)
    set_clock(app)
    return app


@pytest.fixture
def client(flask_app: Flask, caplog: pytest.LogCaptureFixture) -> FlaskClient:
    caplog.set_level(logging.DEBUG)
    return flask_app.test_client()


@pytest.fixture(autouse=True)
def _nobody_in_the_logs(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    """After every test: no record and no line on stderr holds the customer's words."""
    yield
    written = capsys.readouterr()
    records = "".join(str(record.__dict__) for record in caplog.get_records("call"))
    assert CANARY not in records + written.out + written.err

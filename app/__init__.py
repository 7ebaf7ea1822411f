"""Deletion Desk: carries out customers' wishes to be forgotten or left alone, once, and shows where each stands."""

# Nothing of a third party is imported here outside a function: app/bootstrap.py runs before anything is installed.

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import flask

    from app.settings import Settings
    from app.web.door import Desk, Door

GUNICORN_APP_LOAD_ERROR = 4  # gunicorn stops at once on this code; on any other it would start the worker for ever


def create_app(settings: Settings | None = None, desk: Desk | None = None) -> flask.Flask:
    """The only place where the parts of the web process are joined; None means the real ones.

    Settings that are refused: one line on stderr and SystemExit, no traceback.
    """
    import sys

    import flask

    from app import logs, trace
    from app.errors import ConfigError
    from app.web.door import Door
    from app.web.tell import Teller

    logs.setup()
    try:
        if settings is None:
            from app.settings import load

            settings = load()
        trace.start(settings.otel_exporter_otlp_endpoint)
        if desk is None:
            from app.desk import Desk as RealDesk

            desk = RealDesk(settings, wait=2.0)
    except ConfigError as refused:
        sys.stderr.write(f"{refused}\n")
        raise SystemExit(GUNICORN_APP_LOAD_ERROR) from None
    app = flask.Flask(__name__, static_folder=None, static_url_path="/static")  # Bootstrap's files: /bootstrap/static
    if app.debug:
        sys.stderr.write("FLASK_DEBUG is set: the desk does not start with a debugger that anybody can reach\n")
        raise SystemExit(GUNICORN_APP_LOAD_ERROR)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    app.url_map.merge_slashes = False  # no redirect for a POST, and `//webhooks` is not `/webhooks` (W040)
    app.url_map.strict_slashes = True
    _add_routes(app, Door(settings, desk, tell=Teller(settings)))
    return app


def _add_routes(app: flask.Flask, door: Door) -> None:
    from flask_bootstrap import Bootstrap5

    from app import admin
    from app.admin import shown
    from app.web import answers, api, health, jira, mattermost, slack, zendesk
    from app.web.guard import Hosts

    app.extensions["door"] = door
    chat = mattermost if door.settings.chat == "mattermost" else slack
    for part in (zendesk, chat, jira, health, api, admin):
        app.register_blueprint(part.blueprint(door))
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True  # nothing is fetched from elsewhere
    Bootstrap5(app)
    answers.register(app, Hosts(door.settings), shown.said)

"""What the door is compared with on the same gunicorn settings: an empty route and one that commits a row."""

from __future__ import annotations

import os

import flask
from flask import Response
from psycopg_pool import ConnectionPool

TABLE = (
    "CREATE TABLE IF NOT EXISTS bench_floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, row jsonb NOT NULL)"
)


def create_app() -> flask.Flask:
    """DATABASE_URL names the database; it must have TABLE."""
    app = flask.Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 262_144
    pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=1, max_size=16, open=True)

    @app.post("/empty")
    def empty() -> Response:
        return Response(status=200)

    @app.post("/row")
    def row() -> Response:
        body = flask.request.get_data(as_text=True)
        with pool.connection() as conn:
            conn.execute("INSERT INTO bench_floor (row) VALUES (%s::jsonb)", (body,))
        return Response(status=200)

    return app

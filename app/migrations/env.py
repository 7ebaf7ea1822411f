"""Runs inside Alembic: our migrations on the connection that app.migrate hands over, in its transaction."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="desk_schema")
context.run_migrations()

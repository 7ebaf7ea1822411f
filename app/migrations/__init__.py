"""Schema migrations of our own tables (Alembic); the engine brings its own."""

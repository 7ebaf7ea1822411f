"""HTTP in: one file a sender, glue only; guard and door are shared, server is gunicorn's worker."""

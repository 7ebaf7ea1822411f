"""What the socket tests have gunicorn serve: the real app, a fake desk that writes one line per row to a file."""

from __future__ import annotations

import os
import time
from pathlib import Path

from doorkit import HANGS, Event, FakeDesk
from flask import Flask

from app import create_app
from app.settings import load


class FileDesk(FakeDesk):
    def submit(self, event: Event, *, sender: str, within: float | None = None) -> bool:
        if getattr(event, "ticket_id", None) == HANGS:
            time.sleep(60)
        new = super().submit(event, sender=sender, within=within)
        with Path(os.environ["ROWS"]).open("a") as file:
            file.write(f"{type(event).__name__} {new}\n")
        return new


def make() -> Flask:
    return create_app(load(_env_file=os.environ["ENV_FILE"]), FileDesk())

"""Logs say what happened, never to whom: one JSON object a line, constant names, allow-listed fields.

Ours (`app.*`, `handlers.*`): `logger.info("door.taken", extra={"sender": "zendesk", "status": 200})`. The message is a
constant slug; fields outside FIELDS, and values that are not numbers or short slugs, are dropped or shown as "?".
Libraries: WARNING and above, as their name and the exception's class alone; what they wrote may quote a customer.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

from app import trace

_FIELDS = """
    action at_line attempt card case count effect error event failed generation job key mac method ms next_in op outcome
    path pid port procedure queue reason route run seconds secret section sender signal state status step tag ticket
    vendor verb version worker
"""
FIELDS = frozenset(_FIELDS.split())
OURS = ("app", "handlers", "__main__")
# gunicorn's own words about itself: needed to see why a start failed, and they hold no request's data.
GUNICORN = frozenset(
    {
        "Starting gunicorn %s",
        "Listening at: %s (%s)",
        "Using worker: %s",
        "Booting worker with pid: %s",
        "Connection in use: %s",
        "Can't connect to %s",
        "Retrying in 1 second.",
        "Handling signal: %s",
        "Shutting down: %s",
        "Worker exiting (pid: %s)",
        "WORKER TIMEOUT (pid:%s)",
        "Worker (pid:%s) was sent SIGKILL! Perhaps out of memory?",
        "Worker (pid:%s) exited with code %s",
        "Worker (pid:%s) exited with code %s.",
    }
)

_SLUG = re.compile(r"[a-z0-9_.: -]{1,80}")
_VALUE = re.compile(r"[A-Za-z0-9_.:+/<>-]{0,80}")  # no @ and no space: neither an address nor a name gets through
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One line of JSON: `at` (UTC), `level`, `logger`, `event`, `trace` (app/trace.py), then the allowed fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name if _VALUE.fullmatch(record.name) else "?",
        }
        if trace.current():
            line["trace"] = trace.current()
        line |= _ours(record) if record.name.split(".")[0] in OURS else _library(record)
        if record.exc_info and record.exc_info[1] is not None:
            line |= failure(record.exc_info[1])
        return json.dumps(line, separators=(",", ":"))


def _ours(record: logging.LogRecord) -> dict[str, Any]:
    known = isinstance(record.msg, str) and _SLUG.fullmatch(record.msg)
    line: dict[str, Any] = {"event": record.msg if known else "withheld"}
    for name, value in record.__dict__.items():
        if name in FIELDS and name not in _STANDARD:
            line["what" if name == "event" else name] = _safe(value)
    return line


def _safe(value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, list):
        return [_safe(item) for item in value[:20]]
    return value if isinstance(value, str) and _VALUE.fullmatch(value) else "?"


def _library(record: logging.LogRecord) -> dict[str, Any]:
    if record.name == "gunicorn.error" and record.msg in GUNICORN:
        return {"event": record.getMessage()}
    return {"event": "library"}


def failure(error: BaseException) -> dict[str, Any]:
    """For `extra`: the class and the way through the code; never the message, which may quote what someone sent.

    Used instead of `exc_info`, so that no other handler prints the message either.
    """
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    return {
        "error": type(error).__name__,
        "at_line": [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}:{frame.name}" for frame in frames],
    }


def report(log: logging.Logger, event: str, error: BaseException, **fields: object) -> None:
    """Log at ERROR that something of ours went wrong, by `failure`."""
    log.log(logging.ERROR, event, extra={**fields, **failure(error)})


class Stderr(logging.Handler):
    """Writes to whatever stderr is at that moment; a closed or full one never disturbs the work."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return


def setup(level: int = logging.INFO) -> None:
    """Write to stderr in our form. Repeating it changes nothing."""
    root = logging.getLogger()
    if not any(isinstance(handler, Stderr) for handler in root.handlers):
        root.addHandler(Stderr())
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=True)


def gunicorn_config() -> dict[str, Any]:
    """For gunicorn's `logconfig_dict`: its words pass through the same formatter."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"desk": {"()": Stderr}},
        "root": {"level": "WARNING", "handlers": ["desk"]},
        "loggers": {
            "gunicorn.error": {"level": "INFO", "handlers": ["desk"], "propagate": False},
            "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
        },
    }

"""`desk classify` and `desk threats report`: Regulatory Complaint Threats, found and judged."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click
from dotenv import dotenv_values

from app.cli import main
from app.cli.browse import _desk, _zone
from app.cli.output import show, show_json

USAGE = 2
COLUMNS = ("month", "language", "right", "false_alarms", "missed", "precision", "recall")


@main.command()
def classify() -> None:
    """JSON lines {id, text} on stdin, one finding per line on stdout. Needs no settings but THREAT_WORDS.

    A line that is no such object is named on stderr and left out; the others are answered, and the exit code is 2.
    """
    from app.threats import lexicon
    from app.threats.classify import answers

    lexicon.use(_words())
    bad = []
    for number, answer in answers(sys.stdin.buffer):
        if answer is None:
            bad.append(number)
            click.echo(f"desk: line {number}: not a JSON object with id and text", err=True)
        else:
            click.echo(json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace"))
    if bad:
        raise SystemExit(USAGE)


def _words() -> str:
    """The administrator's word file, from the environment or `.env`; a desk that is not set up yet may classify too."""
    kept = dotenv_values(".env", interpolate=False) if Path(".env").is_file() else {}
    return os.environ.get("THREAT_WORDS") or kept.get("THREAT_WORDS") or ""


@main.group("threats")
def threats_group() -> None:
    """Regulatory complaint threats: how well they are found."""


@threats_group.command("report")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def threats_report(as_json: bool) -> None:
    """Precision and recall by month and language, from what supervisors pressed.

    right: found, and somebody takes care of it; false alarms: found, and pressed away; missed: flagged by an agent's
    tag alone, and somebody takes care of it.
    """
    from app.threats import judged

    with _desk() as desk:
        with desk.db.tx() as conn:
            rows = judged.figures(conn, desk.settings.desk_time_zone)
        if as_json:
            show_json(rows)
        else:
            show(rows, COLUMNS, _zone(desk))

"""The one extension of a due date: with a reason, by who may, refused clearly (features 3.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from tests.house import House
from tests.procedure.clocks_kit import ADVICE, clocked, fire, replies, timers_of

__all__ = ["clocked"]  # a fixture

Extend = Callable[..., Result]


@pytest.fixture
def extend(clocked: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Extend:
    monkeypatch.chdir(tmp_path)

    def call(
        ticket: int, *words: str, code: int = 0, reason: str = "complexity", by: str = "U0BALA", **env: str
    ) -> Result:
        given = ["cases", "extend", str(ticket), "--reason", reason, "--by", by, *words]
        result = CliRunner().invoke(main, given, env={**clocked.environment, **env})
        assert result.exit_code == code, result.output
        told = re.sub(r'(?m)^\{"at".*\n', "", result.stderr)  # the worker of this process may be at it meanwhile
        assert code not in (1, 3) or re.fullmatch(r"desk: [^\n]+\n", told), result.stderr
        return result

    return call


def test_sop_3_1_one_extension_with_a_reason(clocked: House, extend: Extend) -> None:
    ticket = clocked.to_awaiting("pref_delete_all")
    before = clocked.case(ticket)
    fire(clocked, ticket, "50")
    said = extend(ticket, by="bala@example.com").stdout
    after = clocked.case(ticket)
    assert (after["due_at"] - before["due_at"]).days == 14
    assert ADVICE in said
    clocked.wait(lambda: "extended once" in clocked.notes(ticket)[-1], what="the note says so")
    note = clocked.notes(ticket)[-1]
    assert "extended once by bala@example.com" in note
    assert "the request is complex" in note
    first = before["due_at"].astimezone(ZoneInfo("Asia/Kuala_Lumpur"))
    assert f"The customer must be told of the extension and its reason before {first:%Y-%m-%d %H:%M}" in note
    [line] = clocked.rows("SELECT * FROM journal WHERE what = 'extended' AND case_id = %s", after["id"])
    assert line["reason"] == "complexity"
    assert line["detail"]["by"] == "U0BALA", "an id, no name"
    assert "once already" in extend(ticket, code=1, reason="waiting_for_customer").stderr
    assert clocked.case(ticket)["due_at"] == after["due_at"]
    fire(clocked, ticket, "50:extended")
    assert len(replies(clocked, ticket)) == 2, "new reminders run to the new date"
    assert timers_of(clocked, ticket)["reminder:overdue:extended"] == after["due_at"]
    assert "reminder:80" not in timers_of(clocked, ticket)


def test_an_extension_is_refused_clearly(clocked: House, extend: Extend) -> None:
    ticket, stop = clocked.to_awaiting("pref_delete_all"), clocked.to_awaiting("pref_stop_all")
    due_at = clocked.case(ticket)["due_at"]
    assert "APPROVERS" in extend(ticket, code=1, by="Somebody").stderr
    assert "must be after" in extend(ticket, "--until", "2020-01-01", code=1).stderr
    assert "must be after" in extend(ticket, "--until", "2999-01-01", code=1).stderr
    extend(ticket, "--until", "2999-01-01", "--profile-limit", code=2)
    extend(ticket, code=2, reason="lazy")
    assert "no extension for this kind" in extend(stop, code=1).stderr
    assert "another profile" in extend(ticket, code=1, CLOCK_PROFILE="EU").stderr
    extend(987654321, code=3)
    with clocked.sql() as conn:
        conn.execute("UPDATE cases SET due_at = now() - interval '1 day' WHERE ticket_id = %s", (ticket,))
    assert "has passed" in extend(ticket, code=1).stderr
    with clocked.sql() as conn:
        conn.execute("UPDATE cases SET due_at = %s WHERE ticket_id = %s", (due_at, ticket))
    extend(ticket, "--profile-limit", by="privacy_officer")
    clocked.settle()
    clocked.press("decline", card=next(m for m in clocked.cards() if f"#{stop}>" in m["text"]))
    clocked.wait_state(stop, "declined")
    assert "closed" in extend(stop, code=1).stderr

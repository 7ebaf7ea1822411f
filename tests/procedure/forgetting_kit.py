"""What tests of forgetting share: cases that are old, a day that is over, what is kept and what has failed."""

from __future__ import annotations

from typing import Any

from tests.house import House

WITHDRAWN = "data_deletion_withdrawn"
WORDS = {"reason": "wrong_details", "note": "Kanari saw two numbers.", "wording": "Dear pelikan, we will call."}
CLEARED = "this customer's details were cleared from the case"
PROOF = {
    "cases": "to_jsonb(t) - 'sealed'",
    "events": "to_jsonb(t) - 'body'",
    **dict.fromkeys(("effects", "consents", "wishes", "votes", "journal", "timers"), "to_jsonb(t)"),
}


def done(house: House, *tags: str) -> tuple[int, str]:
    ticket, key = house.to_banning(*tags)
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    return ticket, key


def declined(house: House) -> int:
    ticket = house.to_awaiting()
    house.press("decline", form=WORDS)
    house.wait_state(ticket, "declined")
    return ticket


def nothing_is_due(house: House, *tickets: int, but: str = "reminder") -> list[int]:
    """What was still due of these cases has come, but what begins with `but`; their ids."""
    left = (
        "UPDATE timers SET due_at = now() WHERE fired_at IS NULL AND case_id = ANY(%s)"
        " AND NOT starts_with(what, %s) RETURNING name"
    )
    cases = [house.case(ticket)["id"] for ticket in tickets]
    while house.rows(left, cases, but):
        house.settle()
    return cases


def aged(house: House, *tickets: int, days: int = 46, but: str = "reminder") -> None:
    """So many days after these cases were closed."""
    cases = nothing_is_due(house, *tickets, but=but)
    closed = "UPDATE cases SET closed_at = closed_at - make_interval(days => %s) WHERE id = ANY(%s) RETURNING id"
    assert len(house.rows(closed, days, cases)) == len(cases)


def runs(house: House) -> list[dict[str, Any]]:
    """What each run has cleared, as the journal says, oldest first."""
    rows = house.rows("SELECT detail FROM journal WHERE what = 'forgotten' ORDER BY id")
    return [row["detail"]["cleared"] for row in rows]


def forget_now(house: House, times: int = 1) -> list[dict[str, Any]]:
    """A day is over. What was cleared, in so many batches."""
    before = len(runs(house))
    house.rows("UPDATE timers SET due_at = now(), fired_at = NULL WHERE name = 'desk:forget' RETURNING name")
    house.wait(lambda: len(runs(house)) >= before + times, what="the desk forgets")
    unfinished = "SELECT 1 FROM events WHERE fact LIKE 'time:desk:forget:%%' AND state IN ('queued', 'running')"
    house.wait(lambda: not house.rows(unfinished))
    return runs(house)[before:]


def forgotten(house: House, *tickets: int) -> None:
    """These cases are old, and the day on which they are forgotten is over."""
    aged(house, *tickets)
    forget_now(house)
    assert [ticket for ticket in tickets if kept(house, ticket)] == []


def kept(house: House, ticket: int) -> list[str]:
    """What there is of the person: the details of a case, or words of an event."""
    details = house.rows("SELECT 1 FROM cases WHERE ticket_id = %s AND sealed IS NOT NULL", ticket)
    words = house.rows("SELECT 1 FROM events WHERE ticket_id = %s AND body IS NOT NULL", ticket)
    return ["details"] * len(details) + ["words"] * len(words)


def proof(house: House) -> dict[str, list[Any]]:
    """Everything but what is forgotten."""
    return {name: house.rows(f"SELECT {what} AS row FROM {name} t ORDER BY 1") for name, what in PROOF.items()}


def nothing_failed(house: House) -> None:
    """No walk has met a hole where the details had been."""
    assert house.rows("SELECT id, kind, reason FROM events WHERE state = 'dead' AND kind <> 'dead'") == []
    assert house.rows("SELECT id, verb, reason FROM effects WHERE state = 'dead'") == []


def done_and_forgotten(house: House) -> tuple[int, str]:
    ticket, key = done(house)
    forgotten(house, ticket)
    return ticket, key

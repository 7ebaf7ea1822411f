"""Nothing fails in silence, nothing gives up too early or never, and the ticket is not flooded with notes.

Reviewers' findings G, I, K, L, O and T.
"""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import DeskError
from app.steps.ban import BanSteps
from app.steps.chat import ChatSteps
from app.vault import Vault
from sandbox.zendesk.model import Ticket, User, not_found
from tests.house import House
from tests.kit import Sent, buttons, card_of, events_of, sent
from tests.review.scenes import REQUESTED, dead, effects, event_of, fault, mend, replay_failed

WAITING = Sent(mails=1, cards=1)
BANNED = Sent(mails=1, cards=1, issues=1, links=1)


def broken(*_: Any, **__: Any) -> Any:
    raise TypeError("a bug of our own")


def tagged(house: House) -> int:
    ticket = house.ticket()
    house.tag(ticket, REQUESTED, "pref_stop_all")
    house.wait(lambda: events_of(house, ticket))
    return ticket


def test_waits_are_no_failures(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case that has waited for Slack often survives a hiccup of Zendesk; only failures in a row count."""
    monkeypatch.setattr("app.walk.READ_TRIES", 2)
    slack = fault(house, "slack", "chat.postMessage", "429", retry_after="60")
    ticket = tagged(house)
    house.wait(lambda: event_of(house, ticket)["walk"] > 3, what="several walks")
    assert event_of(house, ticket)["failures"] == 0
    hiccup = fault(house, "zendesk", "tickets.show", "503_before", times=3)  # one walk's three tries
    house.wait(lambda: hiccup.fired == 3)
    house.wait(lambda: event_of(house, ticket)["walk"] > 5, what="it goes on")
    assert dead(house) == []
    assert sent(house, ticket) == Sent(mails=1)
    mend(house, slack)
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == WAITING
    assert event_of(house, ticket)["failures"] == 0


def test_failures_in_a_row_end_a_walk_and_a_replay_carries_it_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.walk.READ_TRIES", 2)
    down = fault(house, "zendesk", "tickets.show", "503_before")
    ticket = tagged(house)
    house.wait(lambda: dead(house), what="given up")
    assert down.fired == 6
    assert sent(house, ticket) == Sent()
    mend(house)
    replay_failed(house)
    assert (sent(house, ticket), dead(house)) == (WAITING, [])


def test_refused_credentials_never_kill(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """401 for as long as it takes: it is a person's affair, and no event's fault."""
    monkeypatch.setattr("app.walk.READ_TRIES", 2)
    fault(house, "zendesk", "tickets.show", "401")
    ticket = tagged(house)
    house.wait(lambda: event_of(house, ticket)["failures"] >= 5, what="refused five times")
    assert dead(house) == []
    assert sent(house, ticket) == Sent()
    mend(house)
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == WAITING


def test_tag_put_on_by_an_automation(house: House) -> None:
    """Its audit's author is -1: nobody who could be barred, and no reason to stop."""
    house.stop_worker()
    ticket = tagged(house)
    with house.sandbox.world.lock:
        house.sandbox.world.zendesk.tickets[ticket].audits[-1]["author_id"] = -1
    house.start_worker()
    house.wait_state(ticket, "awaiting")
    assert house.case(ticket)["tagger_id"] == -1
    assert sent(house, ticket) == WAITING
    house.press("approve")
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == BANNED


@pytest.mark.parametrize("requester", ["null", "deleted"])
def test_requester_who_is_gone(house: House, requester: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can be mailed; the wish is carried out all the same, and the note asks the agent to tell the customer."""
    ticket, zendesk = house.ticket(), house.sandbox.world.zendesk
    shown, user, gone = Ticket.rest, zendesk.user, zendesk.tickets[ticket].requester_id

    def deleted(user_id: Any) -> User:
        if int(user_id) == gone:
            raise not_found()
        return user(user_id)

    if requester == "deleted":
        monkeypatch.setattr(zendesk, "user", deleted)
    else:
        monkeypatch.setattr(Ticket, "rest", lambda self, base: {**shown(self, base), "requester_id": None})
    house.tag(ticket, REQUESTED, "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(cards=1)
    assert "the requester has no e-mail address. Please tell the customer in another way" in house.notes(ticket)[-1]
    house.press("approve")
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(cards=1, issues=1, links=1)


def test_bug_in_a_press_is_on_the_ticket(house: House) -> None:
    ticket = house.to_awaiting()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Vault, "open", sealed)
        house.press("approve")
        house.wait(lambda: dead(house), what="the press is dead")
        house.settle()
    assert "Failed: " in house.notes(ticket)[-1]
    assert "Next: an administrator removes the cause and replays the case" in house.notes(ticket)[-1]
    assert sent(house, ticket) == WAITING
    assert buttons(card_of(house, ticket)) == []  # it is decided; nobody need press again
    replay_failed(house)
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == BANNED
    assert "Failed" not in house.notes(ticket)[-1]
    assert dead(house) == []


def sealed(*_: Any) -> bytes:
    raise DeskError("the key does not fit", "sealed")


@pytest.mark.parametrize("where", ["before any effect", "within the card"])
def test_bug_in_a_walk_is_on_the_ticket(house: House, where: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if where == "within the card":
            patch.setattr(ChatSteps, "open_card", broken)
        else:
            patch.setattr("app.wish.read", broken)
        ticket = tagged(house)
        house.wait(lambda: dead(house), what="the walk is dead")
        house.settle()
    card = where == "within the card"
    assert sent(house, ticket) == (Sent(mails=1) if card else Sent())
    what = "card to the supervisors" if card else "a step of the case"
    assert f"Failed: {what}. Cause: an error in the desk itself." in house.notes(ticket)[-1]
    assert "Next: an administrator removes the cause and replays the case" in house.notes(ticket)[-1]
    replay_failed(house)
    assert (sent(house, ticket), dead(house)) == (WAITING, [])
    assert "Failed" not in house.notes(ticket)[-1]
    assert "waiting for a supervisor" in house.notes(ticket)[-1]


def test_bug_when_jira_is_done_is_on_the_ticket(house: House) -> None:
    ticket, key = house.to_banning()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BanSteps, "claim_ban", broken)
        house.move_issue(key, "Done")
        house.wait(lambda: dead(house), what="the walk is dead")
        house.settle()
    assert "Failed: a step of the case. Cause: an error in the desk itself." in house.notes(ticket)[-1]
    assert house.case(ticket)["state"] == "banning"
    replay_failed(house)
    house.wait_state(ticket, "done")
    assert "Failed" not in house.notes(ticket)[-1]
    assert sent(house, ticket) == BANNED


def test_few_notes_in_a_long_outage(database: str) -> None:
    """JIRA answers 500 for hours: a note when it is asked, and when the number of tries has doubled; not one a try."""
    with House(database, jira_quiet="0.1") as house:
        ticket = house.to_awaiting()
        before = len(house.notes(ticket))
        fault(house, "jira", "create", "500")
        house.press("approve")
        house.wait(lambda: effects(house, "open_jira") and effects(house, "open_jira")[0]["attempts"] >= 8)
        new = house.notes(ticket)[before:]
        assert 1 <= len(new) <= 3, new
        assert "JIRA issue" in new[-1]
        assert sent(house, ticket) == WAITING
        mend(house)
        house.wait_state(ticket, "banning")
        assert sent(house, ticket) == BANNED
        assert "Not done yet" not in house.notes(ticket)[-1]


def test_lost_answers_back_off_and_are_left_to_a_person_in_the_end(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every create is answered by 500 and leaves no trace: fewer and fewer tries, then a person, then a replay."""
    monkeypatch.setattr("app.ledger.perform.GIVE_UP", 2.0)
    with House(database, jira_quiet="0.05", retry_base="0.2", retry_cap="10") as house:
        ticket = house.to_awaiting()
        down = fault(house, "jira", "create", "500")
        house.press("approve")
        house.wait(lambda: dead(house), what="given up")
        house.settle()
        assert 2 <= down.fired <= 7  # without longer and longer pauses it would be dozens
        assert dead(house)[0].startswith("gave_up:")
        assert "Failed: JIRA issue" in house.notes(ticket)[-1]
        assert sent(house, ticket) == WAITING
        mend(house)
        replay_failed(house)
        house.wait_state(ticket, "banning")
        assert sent(house, ticket) == BANNED
        assert "Failed" not in house.notes(ticket)[-1]

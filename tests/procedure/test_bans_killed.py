"""The ban's proof when the walk dies: the comment and the second message are there once, the case moves on."""

from __future__ import annotations

import pytest

from app.ledger.perform import WalkLostError
from app.points import EFFECT_POINTS
from app.steps import base
from tests.house import House
from tests.kit import Sent, sent
from tests.procedure.bans_kit import asking, ban, banning, comments, due, mails
from tests.review.scenes import killed_at, taken_over

__all__ = ["asking"]  # a fixture


@pytest.mark.parametrize("place", EFFECT_POINTS)
def test_killed_around_the_comment_and_the_second_message(
    asking: House, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The walk dies at this place of each new effect; whoever takes over finds what is there: once each."""
    house = asking
    ticket, key, customer = banning(house)
    with killed_at(monkeypatch, place, "comment_jira") as hit:
        house.move_issue(key, "Done")
        house.wait(lambda: hit)
        taken_over(house, newest(house, ticket))
        house.wait_state(ticket, "verifying")
    assert len(comments(house, ticket)) == 1
    ban(house, customer)
    with killed_at(monkeypatch, place, "apply_macro") as hit:
        house.rows("UPDATE timers SET due_at = now() WHERE what = 'recheck:look-1' AND fired_at IS NULL RETURNING name")
        house.wait(lambda: hit)
        taken_over(house, newest(house, ticket))
        house.wait_state(ticket, "done")
    assert len(mails(house, ticket)) == 1
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, comments=1, links=1)


@pytest.mark.parametrize("nth", [1, 2])
def test_killed_between_two_moves_of_the_case(asking: House, monkeypatch: pytest.MonkeyPatch, nth: int) -> None:
    """After it is said to be verified, and after it is done: the looks are set, and the customer is told."""
    house = asking
    ticket, key, customer = banning(house)
    ban(house, customer)
    passed: list[str] = []

    def point(name: str, verb: str = "") -> None:
        if name == "case.after_move":
            passed.append(name)
            if len(passed) == nth:
                raise WalkLostError

    with monkeypatch.context() as within:
        within.setattr(base, "point", point)
        house.move_issue(key, "Done")
        house.wait(lambda: len(passed) >= nth)
        assert mails(house, ticket) == []
        taken_over(house, newest(house, ticket))
        house.wait_state(ticket, "done")
    assert due(house, ticket) == ["recheck:1", "recheck:7", "recheck:30"]
    assert len(mails(house, ticket)) == 1
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, links=1)


def newest(house: House, ticket: int) -> int:
    return int(house.rows("SELECT max(id) AS id FROM events WHERE ticket_id = %s", ticket)[0]["id"])

"""Post, decide, update, replace, ask: the worker dies (kill -9) at every place of each, in Mattermost as in Slack: one
card, one decision, nothing stale (issue 4, "Must be shown"; faults.md F20).

Slack goes through all of it in test_points.py and test_flows.py. All of this is `make test-crash`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.approvals.both import settled
from tests.crash.crashkit import Crashing, an_admin, each_effect_once, failing, nothing_open
from tests.crash.flowkit import Scene, awaiting, places
from tests.crash.flows_cards import CARDS
from tests.crash.test_flows import play
from tests.crash.test_points import check, whole_way
from tests.kit import Sent, buttons, cards_of, sent

TICKETS = 8
POINTS = tuple(name for verb in ("ask_supervisor", "answer", "update_card") for name in places(verb))
IN_MATTERMOST = Scene(CARDS.begin, CARDS.acts, (*CARDS.settings, ("chat", "mattermost")))


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_card_of_mattermost_is_posted_decided_and_closed_once(database: str, tmp_path: Path) -> None:
    with Crashing(database, tmp_path, points=POINTS, chat="mattermost") as house:
        tickets = [house.ticket() for _ in range(TICKETS)]
        withdrawn, declined = tickets[:2], tickets[2:4]
        whole_way(house, tickets, withdrawn, declined)
        settled(house)
        assert sorted(house.fired()) == sorted(POINTS)
        assert house.exit_codes("worker") == [137] * len(POINTS)
        check(house, tickets, withdrawn, declined)
        decisions = house.rows("SELECT decision FROM cases WHERE decision IS NOT NULL")
        assert len(decisions) == TICKETS
        told = "SELECT 1 FROM effects WHERE verb = 'answer' AND state = 'done'"
        presses = house.rows("SELECT 1 FROM events WHERE kind = 'button_pressed'")
        assert len(house.rows(told)) == len(presses) >= TICKETS


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("when", ["own", "try", "retry", "replay"])
def test_every_point_of_a_waiting_card_in_mattermost(database: str, tmp_path: Path, when: str) -> None:
    """`own`: the places that each act is there for; else all that it passes, as in test_flows."""
    with IN_MATTERMOST.house(database, tmp_path) as house:
        tickets = IN_MATTERMOST.begin(house)
        if when == "own":
            for act in IN_MATTERMOST.acts:
                play(house, act, tickets)
            return
        with an_admin(house):
            house.attended = True
            for act in IN_MATTERMOST.acts:
                failing(house, when)
                play(house, act, tickets, whole=True, overtaken=when == "replay")
                house.sandbox.world.faults.clear()


@pytest.mark.long
def test_without_the_look_up_mattermost_would_have_two_cards(database: str, tmp_path: Path) -> None:
    """These tests can fail: a desk that posts again what it does not know about is found out. For thirty seconds the
    server itself drops a repeat (pending_post_id, M26), so it must be told to forget."""
    points = ("effect.after_call/ask_supervisor",)
    with Crashing(database, tmp_path, points=points, blind=True, chat="mattermost") as house:
        house.sandbox.world.config.mattermost_dedupe = False
        ticket = house.ticket()
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait_state(ticket, "awaiting", 60)
        assert house.exit_codes("worker") == [137]
        assert sent(house, ticket) == Sent(mails=1, cards=2)
        with pytest.raises(AssertionError):
            each_effect_once(house)


@pytest.mark.long
@pytest.mark.parametrize("chat", ["slack", "mattermost"])
def test_replaced_and_asked_with_one_death_each(database: str, tmp_path: Path, chat: str) -> None:
    """`cards` in short: each effect of a changed ticket and of a question is done, and nobody knows."""
    verbs = ("ask_supervisor", "update_card", "ask_agent", "show_words")
    with Crashing(database, tmp_path, chat=chat) as house:
        tickets = awaiting(house, 2)
        house.arm(*(f"effect.after_call/{verb}" for verb in verbs))
        for act in (CARDS.acts[0], CARDS.acts[2]):
            act.play(house, tickets)
        settled(house)
        assert sorted(house.fired()) == sorted(f"effect.after_call/{verb}" for verb in verbs)
        for ticket in tickets:
            assert [bool(buttons(card)) for card in cards_of(house, ticket)] == [False, True]
        each_effect_once(house)
        nothing_open(house)

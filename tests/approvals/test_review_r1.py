"""Presses that nobody expected: too many forged forms, a form that never opened, a case that is not there any more."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from app.tokens import Press, Tokens
from tests.approvals.both import threat_card
from tests.approvals.hand import form, post, slack, slack_press, waits_still
from tests.approvals.staff import SELF, agent
from tests.house import House
from tests.kit import agent_id, buttons, card_of, customer_says, text_of, told

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def mattermost(database: str) -> Iterator[House]:
    with House(database, chat="mattermost") as built:
        yield built


def test_forged_forms_in_a_row_are_each_answered(mattermost: House) -> None:
    """Anybody may let Mattermost send forms to us: the one that is too many is told nothing new, and is no error."""
    house, answers = mattermost, []
    for number in range(9):
        body = {
            "type": "dialog_submission",
            "callback_id": "decline",
            "state": f"forged-{number}",
            "user_id": house.user("chen"),
            "submission": {"reason": "other"},
        }
        answers.append(post(house, "/webhooks/mattermost/dialog", json.dumps(body).encode(), JSON))
    assert [answer.status for answer in answers] == [200] * 9
    assert all(answer.json["error"] for answer in answers)


def test_declining_needs_the_form_also_for_somebody_just_added(database: str) -> None:
    """The door did not know yet that they may decide, so no form was open: there is no reason to decline with."""
    with House(database, approvers="aisyah=aisyah@example.com", approvers_group="approvers") as house:
        house.change("chen", approver=False)
        agent(house, "chen@example.com")
        ticket = house.to_awaiting()
        house.press("decline", "bala", form=None)  # the door has read the group
        house.change("chen", approver=True)
        house.press("decline", "chen", form=None)
        told(house, "chen", "The form could not be opened")
        waits_still(house, ticket)


def test_a_press_on_a_case_that_is_not_there_is_answered(house: House) -> None:
    """Its row is gone, or was never in the backup that was brought back."""
    ticket = house.to_awaiting()
    settings = house.settings()
    tokens = Tokens(settings.secret_key.get_secret_value(), settings.approval_life)
    lost = tokens.make(Press(987654, 1, "data_deletion", "approve", settings.slack_channel, "0" * 16))
    assert slack(house, slack_press(house, ticket, value=lost)).status == 200
    told(house, "aisyah", "no longer open")
    unknown = tokens.make(Press(house.case(ticket)["id"], 1, "data_deletion", "postpone", settings.slack_channel, ""))
    assert slack(house, slack_press(house, ticket, "approve", "bala", value=unknown)).status == 200
    told(house, "bala", "no longer open")
    waits_still(house, ticket)


def test_what_an_open_card_says_of_a_press_that_was_refused_stays_true(mattermost: House) -> None:
    """Mattermost shows `was pressed` at once, before anybody has judged the press, and nothing takes it off again."""
    house = mattermost
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all", agent=agent_id(house, "aisyah@example.com"))
    house.wait_state(ticket, "awaiting")
    house.press("approve", "aisyah", card_of(house, ticket))
    told(house, "aisyah", SELF)
    assert "If the press counts, the card shows what comes of it" in text_of(card_of(house, ticket))
    assert buttons(card_of(house, ticket)) == ["approve", "decline", "ask"]


def test_a_press_takes_no_words_off_an_open_threat(database: str) -> None:
    """Mattermost puts an updated post's props back as they were before the press: newer words would be gone again."""
    with House(database, chat="mattermost", threat_two_persons="true") as house:
        ticket = house.to_awaiting()
        customer_says(house, ticket, "I will go to Bank Negara.")
        house.wait(lambda: len(house.cards()) == 2, what="the urgent card")
        house.settle()
        house.press("acknowledge", "aisyah", threat_card(house, ticket))
        told(house, "aisyah", "the first of two")
        assert house.sandbox.world.effects("mattermost", "press_update") == []
        assert "was pressed" not in text_of(threat_card(house, ticket))


def test_a_form_opened_before_they_were_taken_off_the_list(database: str) -> None:
    with House(
        database, chat="mattermost", approvers="aisyah=aisyah@example.com", approvers_group="approvers"
    ) as house:
        ticket, bala = house.to_awaiting(), house.user("bala")
        house.press("decline", "bala", form=None)
        (form,) = house.room.forms(house, bala)
        house.change("bala", approver=False)
        house.room.submit(house, bala, form, {"reason": "other"})
        told(house, "bala", "not on the list of approvers")
        waits_still(house, ticket)


def test_a_form_whose_token_is_not_ours_is_answered(house: House) -> None:
    """After a new SECRET_KEY, say: Slack closes the form, so its sender would take it for declined."""
    ticket = house.to_awaiting()
    payload = {
        "type": "view_submission",
        "team": {"id": "T0DESK"},
        "user": {"id": house.user("aisyah"), "team_id": "T0DESK"},
        "view": {"callback_id": "decline", "private_metadata": "x", "state": {"values": {}}},
    }
    assert slack(house, form(payload)).status == 200
    told(house, "aisyah", "not made by Deletion Desk")
    waits_still(house, ticket)

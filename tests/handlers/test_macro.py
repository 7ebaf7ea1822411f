"""The macro as it is in the account today: a changed text is sent, an unfit macro is not, and a person is told why."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from app import audit, replay
from app.steps import macro
from tests.house import House
from tests.kit import NOTHING, REQUEST, Sent, events_of, sent

Actions = list[dict[str, Any]]
PUBLIC = {"field": "comment_mode_is_public", "value": "true"}


def text(body: str) -> dict[str, Any]:
    return {"field": "comment_value", "value": body}


UNFIT: dict[str, tuple[Actions, str]] = {
    "private": ([text("Dear customer,"), {**PUBLIC, "value": "false"}], "no public reply in it"),
    "no text": ([PUBLIC], "no public reply in it"),
    "forgotten name": ([text("Dear [Insert Name],"), PUBLIC], "a placeholder that was not filled"),
    "unknown placeholder": ([text("Dear {{customer.name}},"), PUBLIC], "a placeholder that was not filled"),
    "marketing": ([text("Dear customer, a special offer for you!"), PUBLIC], "words of marketing"),
    "link to an offer": ([text("See https://loans.example/promo"), PUBLIC], "words of marketing"),
    "pixel": (
        [{"field": "comment_value_html", "value": "<p>Hi</p><img src='https://t.example/1.gif'>"}, PUBLIC],
        "image",
    ),
    "followed link": ([text("See https://loans.example/?utm_source=desk"), PUBLIC], "a link that follows its reader"),
    "misspelt placeholder": ([text("Dear {{ticket.requester.first_name},"), PUBLIC], "a placeholder that was not"),
}


class Account:
    """The account's macros, changed as an admin would, and put back."""

    def __init__(self, house: House) -> None:
        self._macros = house.sandbox.world.zendesk.macros
        [self.macro] = [m for m in self._macros.values() if m["title"] == REQUEST]
        self._before = dict(self.macro)

    def change(self, **values: Any) -> None:
        self.macro.update(values)

    def restore(self) -> None:
        self.macro.update(self._before)


@pytest.fixture
def account(shared_house: House) -> Any:
    made = Account(shared_house)
    yield made
    made.restore()


def test_unfit_macros_send_nothing_until_they_are_mended(shared_house: House, account: Account) -> None:
    house = shared_house
    for what, (actions, words) in {**UNFIT, "missing": ([], "does not exist or is switched off")}.items():
        account.change(**({"active": False} if what == "missing" else {"actions": actions}))
        ticket = house.ticket()
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait_state(ticket, "awaiting")
        assert sent(house, ticket) == NOTHING, f"{what}: no e-mail, and no half-done case either"
        assert house.replies(ticket) == [], what
        assert words in house.notes(ticket)[-1], what
        assert "Failed: e-mail to the customer" in house.notes(ticket)[-1], what
        [event] = events_of(house, ticket)
        assert event["state"] == "dead", what
        assert event["reason"].startswith("macro_"), what

        account.restore()
        [plan] = replay.plan(house.desk, [event["id"]], failed=False, from_start=False)
        assert replay.carry_out(house.desk, plan, audit.shell()), what
        house.wait(lambda ticket=ticket: sent(house, ticket).mails, what=f"{what}: the e-mail, after all")
        house.settle()
        assert sent(house, ticket) == Sent(mails=1, cards=1), what
        assert "Failed" not in house.notes(ticket)[-1], what


def test_two_macros_of_one_title(house: House) -> None:
    with house.sandbox.world.lock:
        house.sandbox.world.zendesk.add_macro(REQUEST, [text("Another"), PUBLIC])
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == NOTHING
    assert "two active macros in Zendesk have the same title" in house.notes(ticket)[-1]


def test_edited_text_and_more_actions_are_what_is_sent(shared_house: House, account: Account) -> None:
    house = shared_house
    more = [
        text("Hello {{ticket.requester.first_name}}, this is the new text for {{ticket.id}}."),
        PUBLIC,
        {"field": "status", "value": "pending"},
        {"field": "current_tags", "value": "acknowledged privacy"},
        {"field": "remove_tags", "value": "unread data_deletion_request desk_waiting"},
    ]
    account.change(actions=more)
    ticket = house.ticket(tags=["vip", "unread"])
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    assert house.replies(ticket) == [f"Hello Siti, this is the new text for {ticket}."]
    seen = house.state_of(ticket)
    assert seen["status"] == "pending"
    # the agent's own tags stay, and neither our marks nor the tags of the procedure go
    assert {"vip", "acknowledged", "privacy", "data_deletion_request", "desk_waiting"} <= set(seen["tags"])
    assert "unread" not in seen["tags"]
    assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_macro_that_sets_the_list_of_tags_does_not_wipe_it(shared_house: House, account: Account) -> None:
    house = shared_house
    account.change(actions=[text("Hello."), PUBLIC, {"field": "set_tags", "value": "acknowledged"}])
    theirs = ["vip", "kl", "gold", "malay", "phone", "callback"]
    ticket = house.ticket(tags=theirs)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    assert {*theirs, "acknowledged", "data_deletion_request", "pref_stop_all"} <= set(house.state_of(ticket)["tags"])
    assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_agents_edit_between_our_read_and_our_write_is_kept(shared_house: House) -> None:
    """The safe update is refused with 409; the desk looks, prepares again and sends once (faults Z4, Z5)."""
    house = shared_house
    house.stop_worker()
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: events_of(house, ticket))
    before = house.sandbox.world.zendesk.tickets[ticket]
    before.updated -= timedelta(seconds=5)  # so that the agent's edit falls into another second
    slow = house.sandbox.world.faults.add("zendesk", "macros.preview", "slow", seconds=1.0)
    house.start_worker()
    house.wait(lambda: slow.fired)
    house.tag(ticket, "agents_own")
    house.wait_state(ticket, "awaiting")
    assert len([a for a in house.sandbox.world.arrived("zendesk", "tickets.update") if a["status"] == 409]) == 1
    assert "agents_own" in before.tags
    assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_the_macro_is_read_once_for_each_mail(shared_house: House) -> None:
    """It is read while the wish is written down; not for a ticket that cannot be acknowledged, nor for a later edit."""
    house, world = shared_house, shared_house.sandbox.world

    def read() -> list[int]:
        return [len(world.arrived("zendesk", method)) for method in ("macros.show", "macros.preview")]

    before = read()
    lacking = house.ticket()
    house.tag(lacking, "data_deletion_request")  # no preference
    house.wait_state(lacking, "incomplete")
    house.settle()
    assert read() == before
    assert sent(house, lacking) == NOTHING
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    house.settle()
    assert read() == [number + 1 for number in before]
    time.sleep(1.1)  # an edit of the same second would be the same fact
    house.tag(ticket, "agents_own")
    house.wait(lambda: len(events_of(house, ticket)) > 1)
    house.settle()
    assert read() == [number + 1 for number in before]
    assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_a_macro_read_too_early_is_read_again(shared_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the walk waits for something, an admin may mend the macro or switch it off: no ticket's stamp moves."""
    house, world = shared_house, shared_house.sandbox.world
    monkeypatch.setattr(macro, "STILL_FRESH", 0.0)
    before = len(world.arrived("zendesk", "macros.preview"))
    ticket = house.to_awaiting()
    assert len(world.arrived("zendesk", "macros.preview")) == before + 2
    assert sent(house, ticket) == Sent(mails=1, cards=1)

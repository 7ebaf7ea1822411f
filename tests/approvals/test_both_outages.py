"""The worker is stopped, the chat is down: every press is answered truthfully, counts once, and no button stays open on
a decided case. The same in Slack and in Mattermost (issue 4; bad-inputs S027, M019, M020)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from tests.approvals.both import (
    BANNED,
    LATE,
    BothChats,
    answered,
    approved,
    closed,
    open_card,
    results,
    settled,
    untouched,
)
from tests.approvals.seen import next_second
from tests.house import House
from tests.kit import Sent, buttons, card_of, cards_of, sent, text_of
from tests.review.scenes import fault, mend
from tests.rooms import Message

UNVERIFIED = "It cannot be verified at this moment that this card is ours"


@contextmanager
def no_worker(house: House) -> Iterator[None]:
    """Within, no worker lives, and the doors know it."""
    house.stop_worker()
    house.wait(lambda: not house.desk.working(), what="the doors know that no worker lives")
    try:
        yield
    finally:
        house.start_worker()
        house.wait(house.desk.working, what="the doors know that a worker lives")


def press_events(house: House) -> int:
    return len(house.rows("SELECT 1 FROM events WHERE kind = 'button_pressed'"))


class TestWorkerStopped(BothChats):
    def test_recorded_told_so_and_decided_later(self, house: House) -> None:
        ticket, before = house.to_awaiting(), press_events(house)
        card = open_card(house, ticket)
        with answered(
            house, aisyah=[LATE, "Recorded: approved"], bala=[LATE, "already approved, by aisyah@example.com"]
        ):
            with no_worker(house):
                for user in ("aisyah", "bala"):
                    assert house.press("approve", user, card) == 200
                    heard(house, user, LATE)
                assert press_events(house) == before + 2
                assert house.case(ticket)["decision"] is None
                assert "Recorded: approved" not in "".join(house.answers("aisyah"))
                if house.room.name == "mattermost":  # the channel sees it, and nothing that could prove wrong
                    assert "“Approve” was pressed" in text_of(open_card(house, ticket))
            house.wait_state(ticket, "banning")
        settled(house)
        assert house.case(ticket)["decided_by"] == house.user("aisyah"), "the first one counts"
        assert sent(house, ticket) == BANNED
        closed(house, ticket)
        assert "was pressed" not in text_of(card_of(house, ticket))

    def test_a_form_is_sent_meanwhile(self, house: House) -> None:
        ticket = house.to_awaiting()
        with answered(house, aisyah=[LATE, "Recorded: declined"]):
            with no_worker(house):
                answer = house.pressed("decline", card=open_card(house, ticket), form={"reason": "duplicate"})
                assert answer["form"]["status"] == 200
                heard(house, "aisyah", LATE)
                assert house.case(ticket)["decision"] is None
            house.wait_state(ticket, "declined")
        assert house.case(ticket)["reason"] == "duplicate"
        settled(house)
        closed(house, ticket)

    def test_withdrawn_meanwhile(self, house: House) -> None:
        """Both are waiting when a worker comes; the customer's word goes before the press that was made after it."""
        ticket = house.to_awaiting()
        with answered(house, aisyah=[LATE, "This request is no longer open"]):
            with no_worker(house):
                next_second()
                house.tag(ticket, "data_deletion_withdrawn")
                house.press("approve", card=open_card(house, ticket))
                heard(house, "aisyah", LATE)
            house.wait_state(ticket, "withdrawn")
        settled(house)
        closed(house, ticket)
        assert sent(house, ticket).issues == 0


class TestChatDown(BothChats):
    settings: ClassVar = {"retry_base": "0.3", "retry_cap": "600", "probe_interval": "0.5"}

    def test_a_press_while_it_is_down(self, house: House) -> None:
        """Mattermost must be asked before a press counts: refused. Slack's signature is enough to record it; who
        pressed is asked before it decides, and until then it waits."""
        ticket, before = house.to_awaiting(), press_events(house)
        card = open_card(house, ticket)
        fault(house, house.room.name, "*", "503_before")
        after = len(house.answers("aisyah"))
        assert house.press("approve", card=card) == 200
        if house.room.name == "mattermost":
            assert [text.startswith(UNVERIFIED) for text in results(house, "aisyah", after)] == [True]
            assert press_events(house) == before
            untouched_now(house, ticket)
            mend(house)
            untouched(house, ticket)
            approved(house, ticket)
        else:
            house.wait(lambda: house.rows("SELECT 1 FROM events WHERE state = 'waiting'"), what="the press waits")
            untouched_now(house, ticket)
            with answered(house, aisyah="Recorded: approved"):
                mend(house)
                house.wait_state(ticket, "banning")
            assert sent(house, ticket) == BANNED
            closed(house, ticket)

    def test_no_button_on_a_decided_case_once_it_is_back(self, house: House) -> None:
        """The pauses would be minutes by then; a probe finds out (PROBE_INTERVAL is 30 s by default)."""
        tickets = [house.to_awaiting() for _ in range(2)]
        fault(house, house.room.name, "*", "503_before")
        next_second()
        for ticket in tickets:
            house.tag(ticket, "data_deletion_withdrawn")
        tries = "SELECT 1 FROM effects WHERE verb = 'update_card' AND state <> 'done' HAVING sum(attempts) >= 8"
        house.wait(lambda: house.rows(tries), 40, "it was tried for a while")
        assert all(buttons(open_card(house, ticket)) for ticket in tickets)
        mend(house)
        house.wait(lambda: not any(open_cards(house, ticket) for ticket in tickets), 10, "no button is left")
        house.settle()
        assert [sent(house, ticket) for ticket in tickets] == [Sent(mails=2, cards=1)] * 2

    def test_the_answer_of_the_post_is_lost(self, house: House) -> None:
        """One card, looked up; and one update of it that is made again."""
        post, update = {"slack": ("chat.postMessage", "chat.update"), "mattermost": ("posts.create", "posts.patch")}[
            house.room.name
        ]
        fault(house, house.room.name, post, "503_after", times=1)
        ticket = house.to_awaiting()
        assert sent(house, ticket) == Sent(mails=1, cards=1)
        fault(house, house.room.name, update, "503_after", times=1)
        approved(house, ticket)


def heard(house: House, user: str, words: str) -> None:
    house.wait(lambda: any(words in text for text in house.answers(user)), what=f"{user} is told {words!r}")


def untouched_now(house: House, ticket: int) -> None:
    assert (house.case(ticket)["state"], house.case(ticket)["decision"]) == ("awaiting", None)
    assert sent(house, ticket).issues == 0


def open_cards(house: House, ticket: int) -> list[Message]:
    return [card for card in cards_of(house, ticket) if buttons(card)]

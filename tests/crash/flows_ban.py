"""Scenes about the ban: its source contradicts JIRA and agrees, calls are taken back, all of it is."""

from __future__ import annotations

from collections import Counter

from app.settings import CHANNELS
from tests.crash.crashkit import Crashing
from tests.crash.flowkit import (
    COMPLETION,
    MOVES,
    RESTORE,
    ROUND,
    TIMERS,
    WAIT,
    WALK,
    WITHDRAWN,
    Act,
    Scene,
    all_sent,
    awaiting,
    ban,
    banning,
    due_now,
    each,
    may,
    move_issue,
    open_cards,
    press,
    wish,
    wished,
    wishes,
)
from tests.kit import Sent, sent

# ---- completion: the ban's source contradicts JIRA, then agrees, then JIRA takes its word back


def contradicted(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets, "verifying", move_issue(house, "Done"))
    all_sent(house, tickets, Sent(mails=1, cards=1, issues=1, comments=1, links=1))
    wished(house, tickets, "contradicted")


def agreed(house: Crashing, tickets: list[int]) -> None:
    for number in range(len(tickets)):
        ban(house, number, holds=True)
    due_now(house, "recheck:look-1")
    each(house, tickets, "done", lambda ticket: None)
    all_sent(house, tickets, Sent(mails=2, cards=1, issues=1, comments=1, links=1))
    wished(house, tickets, "confirmed")
    looks = house.rows("SELECT what FROM timers WHERE fired_at IS NULL AND starts_with(what, 'recheck')")
    assert Counter(row["what"] for row in looks) == dict.fromkeys(
        ("recheck:1", "recheck:7", "recheck:30"), len(tickets)
    )


def taken_back(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets, "banning", move_issue(house, "In Progress"))
    wished(house, tickets, "asked")


def done_again(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets, "done", move_issue(house, "Done"))
    all_sent(house, tickets, Sent(mails=2, cards=1, issues=1, comments=1, links=1))  # nobody is told twice
    wished(house, tickets, "confirmed")
    assert {may(house, ticket) for ticket in tickets} == {""}


COMPLETED = Scene(
    banning,
    (
        Act(("comment_jira", *wish("claim", "confirm", "judge")), ("update_card", "note", *MOVES, *WALK), contradicted),
        Act(("apply_macro", "macro_tags", *MOVES), ("update_card", "mark", "note", *TIMERS, *WALK), agreed),
        Act(("wish.before_write/unclaim",), ("update_card", "mark", "note", *MOVES, *WALK), taken_back),
        Act((), ("update_card", "mark", "note", *wish("claim", "confirm", "judge"), *MOVES, *WALK), done_again),
    ),
    (("completion_macro", COMPLETION), ("ban_check_token", "stand-in-bans")),
)


# ---- calls are taken back, before and after the approval; then all of it


def part_before(house: Crashing, tickets: list[int]) -> None:
    for ticket in tickets:
        house.tag(ticket, WITHDRAWN, "resume_calls")
    for ticket in tickets:
        house.wait(lambda ticket=ticket: house.case(ticket)["generation"] == 2, WAIT, "the second round")
        house.wait_state(ticket, "awaiting", WAIT)
        house.wait(lambda ticket=ticket: open_cards(house, ticket), WAIT, "its card")
    house.settle(WAIT)
    all_sent(house, tickets, Sent(mails=2, cards=2))
    for ticket in tickets:
        assert len(open_cards(house, ticket)) == 1
        assert house.case(ticket)["preference"] == ["stop_sms", "stop_email", "stop_push"]
        assert may(house, ticket) == "calls"


def part_approved(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets, "banning", lambda ticket: press(house, ticket, "approve"))
    assert [{*wishes(house, ticket)} for ticket in tickets] == [{"sms", "email", "push"}] * len(tickets)
    all_sent(house, tickets, Sent(mails=2, cards=2, issues=1, links=1))


def part_after(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets, "banning", lambda ticket: house.tag(ticket, WITHDRAWN, "resume_calls"))
    house.wait(lambda: all(sent(house, ticket).comments for ticket in tickets), WAIT, "JIRA is told")
    house.settle(WAIT)
    all_sent(house, tickets, Sent(mails=2, cards=1, issues=1, comments=1, links=1))
    for ticket in tickets:
        assert {name for name, state in wishes(house, ticket).items() if state == "withdrawn"} == {"offers", "calls"}
        assert may(house, ticket) == "calls"


def part_done(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets, "done", move_issue(house, "Done"))
    wished(house, tickets, "withdrawn", "confirmed")


def all_after(house: Crashing, tickets: list[int]) -> None:
    for ticket in tickets:
        house.untag(ticket, "resume_calls", WITHDRAWN)
    house.settle(WAIT)
    each(house, tickets, "withdrawn", lambda ticket: house.tag(ticket, WITHDRAWN))
    all_sent(house, tickets, Sent(mails=2, cards=1, issues=1, comments=2, links=1))
    wished(house, tickets, "withdrawn")
    assert {may(house, ticket) for ticket in tickets} == {" ".join(CHANNELS)}


BEFORE = Scene(
    awaiting,
    (
        Act(
            ("apply_macro", "ask_supervisor", *ROUND, *RESTORE, "consent.after_write/stop"),
            ("update_card", "mark", "note", *TIMERS, *WALK),
            part_before,
        ),
        Act(wish("ask"), ("answer", "open_jira", "link_jira", "update_card", "mark", "note", *WALK), part_approved),
    ),
)
AFTER = Scene(
    banning,
    (
        Act(
            ("comment_jira", "wish.before_write/withdraw"), ("apply_macro", "note", *RESTORE, *MOVES, *WALK), part_after
        ),
        Act((), ("update_card", "mark", "note", *wish("claim", "confirm"), *WALK), part_done),
        Act(
            (),
            ("comment_jira", "update_card", "mark", "note", "wish.before_write/withdraw", *RESTORE, *WALK),
            all_after,
        ),
    ),
)

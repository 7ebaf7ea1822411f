"""Approve and decline at the same moment, and double clicks, through gunicorn's doors with real presses: exactly one
decision each, and every presser is told the result (issue 4, "Must be shown"; faults D1, bad-inputs S018).

By default four cards in each chat; `make test-races` takes 10,000 together (RACES: another number) and prints a table.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from app.tokens import Tokens
from tests.approvals.both import LIVELY, settled
from tests.databases import drop_database, new_database
from tests.house import House
from tests.kit import buttons, text_of, together
from tests.processes import Processes
from tests.rooms import Message

QUICK = 4
ALL = int(os.environ.get("RACES", "10000")) // 2  # in each chat
BATCH = 200  # cards of one desk: the stand-ins search what they hold from end to end
KINDS = ("race", "race", "race", "double")  # three races for each double click
SPREAD = 0.1  # seconds, drawn by lot: Mattermost's press takes longer at the door than its form, and would always lose
AT_ONCE = 8  # cards that are pressed at the same time
PATIENT = {"webhook_retry_refused": True, "circuit_breaker": False}


@contextmanager
def desk(server: str, chat: str) -> Iterator[Processes]:
    uri = new_database(server)
    with Processes(uri, chat=chat, sandbox=PATIENT, read_timeout="10", **LIVELY) as house:
        yield house
    drop_database(server, uri)


def waiting_cards(house: House, number: int) -> dict[int, Message]:
    """So many tickets' cards, each posted by the desk; by ticket."""
    tickets = [house.ticket() for _ in range(number)]
    for ticket in tickets:
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: counted(house, "awaiting") == number, 30 + number, "all wait for a decision")
    house.settle(60)
    cards = [message for message in house.messages() if buttons(message)]
    found = {int(re.search(r"#(\d+)", text_of(card))[1]): card for card in cards}  # type: ignore[index]  # it has one
    assert sorted(found) == tickets
    return found


def counted(house: House, state: str) -> int:
    return int(house.rows("SELECT count(*) AS number FROM cases WHERE state = %s", state)[0]["number"])


def presses(house: House, kind: str, card: Message, lot: random.Random) -> list[Callable[[], Any]]:
    """What two hands do at the same moment. The form of the one who declines is open by then."""

    def approve() -> None:
        time.sleep(lot.random() * SPREAD)
        assert house.press("approve", "aisyah", card, stale=True) == 200

    if kind == "double":
        return [approve, approve]
    who = house.user("bala")
    house.press("decline", "bala", card, form=None)
    form = opened(house, who, card)

    def decline() -> None:
        time.sleep(lot.random() * SPREAD)
        answer = house.room.submit(house, who, form, {"reason": "duplicate"})
        assert (answer["status"], answer.get("problem", "")) == (200, "")

    return [approve, decline]


def opened(house: House, user: str, card: Message) -> str:
    """The form that this person's press of this card has opened: its token holds the message's id."""
    with house.sandbox.world.lock:
        state = getattr(house.sandbox.world, house.room.name)
        forms = list((state.views if house.room.name == "slack" else state.dialogs).values())
    settings = house.settings()
    tokens = Tokens(settings.secret_key.get_secret_value(), settings.approval_life)
    name = "private_metadata" if house.room.name == "slack" else "state"
    mine = [f for f in forms if f["user"] == user and tokens.read_form(f[name]).ts == house.room.ident(card)]
    return str(mine[-1]["id"])


def race(house: Processes, number: int, lot: random.Random) -> dict[str, Counter[str]]:
    """Press every card twice at once; what came of each kind. Whatever is not exactly so fails."""
    cards = waiting_cards(house, number)
    kinds = {ticket: KINDS[n % len(KINDS)] for n, ticket in enumerate(cards)}

    def at_once(ticket: int) -> None:
        together(*presses(house, kinds[ticket], cards[ticket], lot))

    with ThreadPoolExecutor(AT_ONCE) as hands:
        list(hands.map(at_once, cards))
    house.wait(lambda: counted(house, "awaiting") == 0, 60 + number, "every card is decided")
    house.settle(60 + number)
    settled(house, 60 + number)
    return judged(house, kinds)


def judged(house: House, kinds: dict[int, str]) -> dict[str, Counter[str]]:
    """By the books and by the stand-ins: one decision, two answers, and nothing is left to press."""
    answers: dict[int, list[str]] = {}
    for row in house.rows("SELECT case_id, evidence, state FROM effects WHERE verb = 'answer' ORDER BY id"):
        answers.setdefault(row["case_id"], []).append(row["evidence"]["key"] if row["state"] == "done" else "untold")
    found = {kind: Counter[str]() for kind in kinds.values()}
    for case in house.rows("SELECT * FROM cases"):
        counts, told = found[kinds[case["ticket_id"]]], sorted(answers.get(case["id"], []))
        counts["cards"] += 1
        counts[str(case["decision"])] += 1
        counts["answers"] += len(told)
        counts["wrong"] += told != ["already_decided", f"recorded_{case['decision']}"]
    counts = found["race"]
    decisions = house.rows("SELECT decision FROM cases WHERE decision = 'approve'")
    issues = Counter(issue.summary for issue in list(house.sandbox.world.jira.issues.values()))
    counts["issues wrong"] += len(issues) != len(decisions) or set(issues.values()) not in (set(), {1})
    counts["open buttons"] += sum(bool(buttons(message)) for message in house.messages())
    kind = {"slack": "ephemeral", "mattermost": "direct"}[house.room.name]
    counts["told wrong"] += len(house.applied(kind, house.room.name)) != sum(map(len, answers.values()))
    return found


def show(chat: str, found: dict[str, Counter[str]], seconds: float) -> None:
    names = ("cards", "approve", "decline", "answers", "wrong", "issues wrong", "open buttons", "told wrong")
    print(f"\n{chat:10} {'':8}" + "".join(f"{name:>14}" for name in names))
    for kind, counts in sorted(found.items()):
        print(f"{'':10} {kind:8}" + "".join(f"{counts[name]:>14}" for name in names))
    print(f"{'':10} {seconds:.0f} s")


@pytest.mark.timeout(6 * 3600)
@pytest.mark.parametrize("number", [QUICK, pytest.param(ALL, marks=pytest.mark.long)])
@pytest.mark.parametrize("chat", ["slack", "mattermost"])
def test_one_decision_each_and_everybody_is_told(database_server: str, chat: str, number: int) -> None:
    lot, began = random.Random(chat), time.monotonic()
    total: dict[str, Counter[str]] = {}
    for start in range(0, number, BATCH):
        with desk(database_server, chat) as house:
            for kind, counts in race(house, min(BATCH, number - start), lot).items():
                total.setdefault(kind, Counter()).update(counts)
        show(chat, total, time.monotonic() - began)
        for counts in total.values():
            assert counts["approve"] + counts["decline"] == counts["cards"]
            assert counts["answers"] == 2 * counts["cards"]
            assert [name for name in ("wrong", "issues wrong", "open buttons", "told wrong") if counts[name]] == []
    assert sum(counts["cards"] for counts in total.values()) == number
    assert total["double"]["approve"] == total["double"]["cards"]

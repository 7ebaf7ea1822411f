"""Pictures of every state of a card, in both chats' look on the sandbox's page: `python -m tests.gallery FOLDER`.

For people who change cards: look at each. Needs chromium and chromedriver; a minute a chat. One PostgreSQL of its own.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from app import db
from app.migrate import migrate
from app.settings import load
from tests.approvals.both import open_card, threat_card
from tests.browser import chrome, one
from tests.databases import new_database, to_the_disk
from tests.house import ROOT, House
from tests.kit import agent_says, cards_of, customer_says, edit, next_second
from tests.rooms import ROOMS

THREAT = "regulatory_threat"
SETTINGS = {"threat_two_persons": "true", "approvers": "aisyah=aisyah@example.com,bala=bala@example.com"}
_names = count(1)


def waiting(house: House, **given: object) -> int:
    number = next(_names)
    phone = f"+60 17-{400 + number} {5000 + number}"
    return house.to_awaiting(email=f"g{number}@example.com", phone=phone, fields={"contact": phone}, **given)


def pressed(house: House, action: str, user: str = "aisyah", **more: object) -> int:
    ticket = waiting(house)
    house.press(action, user, open_card(house, ticket), **more)
    house.settle()
    return ticket


def approved(house: House, *statuses: str) -> int:
    ticket = pressed(house, "approve")
    key = house.wait_state(ticket, "banning")["jira_key"]
    for status in statuses:
        house.move_issue(key, status)
        house.settle()
    return ticket


def clock(house: House, ticket: int, what: str) -> int:
    """This time of the case has come."""
    case = house.case(ticket)["id"]
    if what == "reminder:overdue":
        house.rows("UPDATE cases SET due_at = now() - interval '1 second' WHERE id = %s RETURNING id", case)
    house.rows("UPDATE timers SET due_at = now() WHERE case_id = %s AND what = %s RETURNING name", case, what)
    house.settle()
    return ticket


def changed(house: House) -> int:
    ticket = waiting(house)
    next_second()
    edit(house, ticket, backoffice="https://backoffice.example.com/customers/other")
    house.wait(lambda: len(cards_of(house, ticket)) == 2, what="the next card")
    return ticket


def deleted(house: House) -> int:
    ticket = waiting(house)
    house.delete(open_card(house, ticket))
    return clock(house, ticket, "look")


def asked(house: House, *, answered: bool) -> int:
    ticket = pressed(house, "ask", form={"question": "Which of the two numbers is the customer's?"})
    if answered:
        next_second()
        agent_says(house, ticket, "The second one.")
        house.settle()
    return ticket


def withdrawn(house: House, ticket: int, *tags: str) -> int:
    next_second()
    house.tag(ticket, "data_deletion_withdrawn", *tags)
    house.settle()
    return ticket


def joined(house: House) -> int:
    number = next(_names)
    phone = f"+60 17-{400 + number} {5000 + number}"
    person = {"email": f"g{number}@example.com", "phone": phone, "fields": {"contact": phone}}
    first = house.to_awaiting(**person)
    second = house.ticket(**person)
    house.tag(second, "data_deletion_request", "pref_stop_calls")
    house.wait_state(second, "joined")
    house.settle()
    return first


def threat(house: House, *answers: tuple[str, str]) -> int:
    ticket = waiting(house)
    customer_says(house, ticket, "Stop it, or I will go to Bank Negara and my lawyer.")
    house.wait(lambda: len(cards_of(house, ticket)) == 2, what="the urgent card")
    for user, action in answers:
        house.press(action, user, threat_card(house, ticket))
        house.settle()
    return ticket


STATES: dict[str, Callable[[House], int]] = {
    "waiting": waiting,
    "reminded": lambda house: clock(house, waiting(house), "reminder:50"),
    "overdue": lambda house: clock(house, waiting(house), "reminder:overdue"),
    "changed": changed,
    "posted-once-more": deleted,
    "asked": lambda house: asked(house, answered=False),
    "answered": lambda house: asked(house, answered=True),
    "joined-by-another-ticket": joined,
    "approved": approved,
    "in-progress": lambda house: approved(house, "In Progress"),
    "approved-overdue": lambda house: clock(house, approved(house), "reminder:overdue"),
    "done": lambda house: approved(house, "Done"),
    "reopened": lambda house: approved(house, "Done", "To Do"),
    "refused-by-jira": lambda house: approved(house, "Won't do"),
    "declined": lambda house: pressed(house, "decline", form={"reason": "duplicate"}),
    "withdrawn-before": lambda house: withdrawn(house, waiting(house)),
    "withdrawn-after-approval": lambda house: withdrawn(house, approved(house)),
    "withdrawn-in-part": lambda house: withdrawn(house, waiting(house), "resume_calls"),
    "threat": threat,
    "threat-one-answer": lambda house: threat(house, ("aisyah", "acknowledge")),
    "threat-taken": lambda house: threat(house, ("aisyah", "acknowledge"), ("bala", "acknowledge")),
    "threat-false-alarm": lambda house: threat(house, ("aisyah", "false_alarm"), ("bala", "false_alarm")),
}


@contextmanager
def server() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="desk-gallery-", ignore_cleanup_errors=True) as folder:
        settings = load(_env_file=ROOT / ".env.example", var_dir=folder)
        base = db.url(settings)
        to_the_disk(base, "off")
        try:
            yield base
        finally:
            db.stop_embedded(settings)


def take(house: House, folder: Path) -> None:
    """The channel after each state was reached: newest first, so what stands on top is of this one."""
    with chrome() as browser:
        browser.set_window_size(1500, 1100)
        for name, reach in STATES.items():
            ticket = reach(house)
            browser.get(f"{house.sandbox.url}/?ticket={ticket}")
            one(browser, "#channel .messages li")
            time.sleep(0.5)  # what flashes because it is new
            one(browser, "#channel").screenshot(str(folder / f"{house.room.name}-{name}.png"))
            print(house.room.name, name, house.case(ticket)["state"], flush=True)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with server() as base:
        for chat in ROOMS:
            uri = new_database(base, None)
            migrate(uri)
            with House(uri, chat=chat, **SETTINGS) as house:
                take(house, folder)


if __name__ == "__main__":
    os.environ.pop("DATABASE_URL", None)
    main(Path(sys.argv[1]))

"""Pictures of every state of a card, in both chats' look on the sandbox's page: `python -m tests.gallery FOLDER`.

For people who change cards: look at each. Needs chromium and chromedriver; some minutes. One PostgreSQL of its own.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count, product
from pathlib import Path
from typing import Any

from app import burst, db
from app.migrate import migrate
from app.settings import load
from tests.approvals.both import open_card, threat_card
from tests.browser import chrome, one
from tests.databases import new_database, to_the_disk
from tests.house import ROOT, House
from tests.kit import agent_says, cards_of, customer_says, edit, next_round, next_second, retag, text_of
from tests.procedure.bans_kit import MACRO, TOKEN
from tests.rooms import ROOMS

PATIENCE = 60.0  # seconds: pictures are taken on busy machines, too
SETTINGS = {"threat_two_persons": "true", "approvers": "aisyah=aisyah@example.com,bala=bala@example.com"}
_names = count(1)


class Patient(House):
    """A desk whose machine may have other things to do."""

    def wait(self, met: Callable[[], Any], seconds: float = PATIENCE, what: str = "") -> Any:
        return super().wait(met, max(seconds, PATIENCE), what)


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
    query = "UPDATE timers SET due_at = now() WHERE case_id = %s AND what = %s AND fired_at IS NULL RETURNING name"
    assert house.rows(query, case, what), f"{what} is not set"
    house.settle()
    return ticket


def changed(house: House) -> int:
    ticket = waiting(house)
    next_second()
    edit(house, ticket, backoffice="https://backoffice.example.com/customers/other")
    house.wait(lambda: len(cards_of(house, ticket)) == 2, what="the next card")
    return ticket


def taken_back(house: House) -> int:
    """A field has vanished from the ticket while its card was out."""
    ticket = waiting(house)
    next_second()
    edit(house, ticket, backoffice="")
    house.wait_state(ticket, "incomplete")
    return ticket


def declined_before(house: House) -> int:
    ticket = pressed(house, "decline", form={"reason": "wrong_details"})
    retag(house, ticket)
    next_round(house, ticket, 2)
    return ticket


def superseded(house: House) -> int:
    """JIRA has refused, and the agent has tagged anew: the old round's card and the new one."""
    ticket = approved(house, "Won't do")
    retag(house, ticket)
    next_round(house, ticket, 2)
    return ticket


def ticket_deleted(house: House) -> int:
    """The ticket is gone when a supervisor presses."""
    ticket = waiting(house)
    house.call(f"/sandbox/tickets/{ticket}/status", {"status": "deleted"})
    house.press("approve", card=open_card(house, ticket))
    house.settle()
    return ticket


def issue_deleted(house: House) -> int:
    ticket = approved(house)
    house.call(f"/sandbox/jira/{house.case(ticket)['jira_key']}/delete", {})
    house.wait_state(ticket, "needs_person")
    return ticket


def deleted(house: House) -> int:
    ticket = waiting(house)
    house.delete(open_card(house, ticket))
    clock(house, ticket, "look:1")
    open_card(house, ticket)
    return ticket


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


def flagged(house: House) -> int:
    """An agent's tag alone, without a word of the customer's and without a request."""
    ticket = house.ticket(email=f"g{next(_names)}@example.com")
    house.tag(ticket, "regulatory_threat")
    house.wait(lambda: cards_of(house, ticket), what="the urgent card")
    house.settle()
    return ticket


def verifying(house: House) -> int:
    """JIRA says done, and nobody has told the ban's source."""
    house.sandbox.world.config.bans_follow_jira = False
    ticket = approved(house, "Done")
    house.wait_state(ticket, "verifying")
    return ticket


def confirmed(house: House) -> int:
    house.sandbox.world.config.bans_follow_jira = True
    ticket = approved(house, "Done")
    house.wait_state(ticket, "done")
    return ticket


def daily_list(house: House) -> int:
    """Beside what the states before have left: one that waits, one that was reminded, one that is late."""
    ticket = waiting(house)
    clock(house, waiting(house), "reminder:50")
    clock(house, waiting(house), "reminder:overdue")
    house.rows("UPDATE timers SET due_at = now(), fired_at = NULL WHERE name = 'desk:digest' RETURNING name")
    house.wait(lambda: [m for m in house.messages() if "Wishes not confirmed yet" in text_of(m)], what="the list")
    house.settle()
    return ticket


def line(house: House) -> int:
    """More requests than the channel takes in at once."""
    house.stop_worker()
    tickets = []
    for _ in range(8):
        number = next(_names)
        phone = f"+60 17-{400 + number} {5000 + number}"
        tickets.append(house.ticket(email=f"g{number}@example.com", phone=phone, fields={"contact": phone}))
        house.tag(tickets[-1], "data_deletion_request", "pref_stop_all")
    house.start_worker()
    house.wait(lambda: [m for m in house.messages() if "wait for their card here" in text_of(m)], what="the notice")
    return tickets[-1]  # before the next card comes, which would stand above it


STATES: dict[str, Callable[[House], int]] = {
    "waiting": waiting,
    "reminded": lambda house: clock(house, waiting(house), "reminder:50"),
    "overdue": lambda house: clock(house, waiting(house), "reminder:overdue"),
    "changed": changed,
    "incomplete": taken_back,
    "posted-once-more": deleted,
    "asked": lambda house: asked(house, answered=False),
    "answered": lambda house: asked(house, answered=True),
    "joined-by-another-ticket": joined,
    "approved": approved,
    "in-progress": lambda house: approved(house, "In Progress"),
    "approved-overdue": lambda house: clock(house, approved(house), "reminder:overdue"),
    "done": lambda house: approved(house, "Done"),
    "reopened": lambda house: approved(house, "Done", "To Do"),
    "issue-deleted": issue_deleted,
    "refused-by-jira": lambda house: approved(house, "Won't do"),
    "declined": lambda house: pressed(house, "decline", form={"reason": "duplicate"}),
    "declined-before": declined_before,
    "void-and-tagged-anew": superseded,
    "ticket-deleted": ticket_deleted,
    "withdrawn-before": lambda house: withdrawn(house, waiting(house)),
    "withdrawn-after-approval": lambda house: withdrawn(house, approved(house)),
    "withdrawn-in-part": lambda house: withdrawn(house, waiting(house), "resume_calls"),
    "threat": threat,
    "threat-by-tag": flagged,
    "threat-one-answer": lambda house: threat(house, ("aisyah", "acknowledge")),
    "threat-taken": lambda house: threat(house, ("aisyah", "acknowledge"), ("bala", "acknowledge")),
    "threat-false-alarm": lambda house: threat(house, ("aisyah", "false_alarm"), ("bala", "false_alarm")),
}
# A desk that asks the ban's source and has a daily list; and one whose channel takes six cards a minute.
ASKING: dict[str, Callable[[House], int]] = {
    "verifying": verifying,
    "done-confirmed-at-the-source": confirmed,
    "daily-list": daily_list,
}
BUSY: dict[str, Callable[[House], int]] = {"burst": line}
DESKS: tuple[tuple[Mapping[str, Callable[[House], int]], dict[str, str]], ...] = (
    (STATES, {}),
    (ASKING, {"digest_at": "09:00", "ban_check_token": TOKEN, "completion_macro": MACRO}),
    (BUSY, {"slack_post_rate": "6", "mattermost_post_rate": "6"}),
)


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


def take(house: House, folder: Path, states: Mapping[str, Callable[[House], int]]) -> None:
    """The channel after each state was reached: newest first, so what stands on top is of this one."""
    with chrome() as browser:
        browser.set_window_size(1500, 1100)
        for name, reach in states.items():
            ticket = reach(house)
            browser.get(f"{house.sandbox.url}/?ticket={ticket}")
            one(browser, "#channel .messages li")
            time.sleep(0.5)  # what flashes because it is new
            one(browser, "#channel").screenshot(str(folder / f"{house.room.name}-{name}.png"))
            rounds = house.rows("SELECT procedure, state FROM cases WHERE ticket_id = %s ORDER BY id", ticket)
            print(house.room.name, name, *(f"{row['procedure']}:{row['state']}" for row in rounds), flush=True)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    burst.CARDS = 3  # a line of hundreds would be minutes of waiting
    with server() as base:
        for chat, (states, settings) in product(ROOMS, DESKS):
            uri = new_database(base, None)
            migrate(uri)
            house = Patient(uri, chat=chat, **SETTINGS, **settings)
            if states is ASKING:
                house.environment["BAN_CHECK_URL"] = f"{house.sandbox.url}/backoffice/bans/{{customer}}"
            with house:
                take(house, folder, states)


if __name__ == "__main__":
    os.environ.pop("DATABASE_URL", None)
    main(Path(sys.argv[1]))

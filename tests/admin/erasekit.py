"""What tests of erasing share: asking for it, the worker's minute, what is kept, and what can be got by any means."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.admin.pageskit import Page, Person, Web, case, event
from tests.cli_kit import Cli
from tests.house import House
from tests.people import DETAILS
from tests.procedure.forgetting_kit import WORDS

WHY = "request 12 of the regulator"
# Words of the customer, of the supervisor about them, and of a body that could not be used.
CANARIES = (*DETAILS.values(), "Nurhaliza", "012345678", "siti@", *WORDS.values(), "Kanari", "pelikan", "Cik Wong")
FORGETTABLE = {("cases", "sealed"), ("events", "body")}
OTHERS = {("accounts", "totp"), ("audit", "mac"), ("sessions", "digest")}  # bytes, none of them a customer's


def quiet_case(web: Web, ticket: int = 7) -> int:
    """A closed case with details, and words of a press."""
    number = case(web, ticket, "declined", closed_at=datetime.now(UTC))
    web.write(
        "UPDATE cases SET sealed = %s WHERE id = %s", web.desk.vault.seal(b'{"name": "Siti"}', f"case:{number}"), number
    )
    event(web, "done", kind="button_pressed", fact=f"p:{number}", ticket_id=ticket, case_id=number,
          body=web.desk.vault.seal(b'{"note": "Kanari"}', f"p:{number}"))  # fmt: skip
    return number


def ask(who: Person, ticket: int, **given: str) -> Page:
    """Send the form of the case's page."""
    return who.post(f"/admin/cases/{ticket}/erase", **{"reason": WHY, "confirm": str(ticket), **given})


def erased(house: House, ticket: int) -> list[dict[str, Any]]:
    """The ticket's erasures, oldest first."""
    return house.rows("SELECT id, who, done_at, cleared FROM erasures WHERE ticket_id = %s ORDER BY id", ticket)


def at_rest(house: House) -> int:
    """Until the desk has no reason left to ask any vendor anything; how many calls there were."""
    looks = "SELECT 1 FROM timers WHERE starts_with(what, 'threats:') AND fired_at IS NULL"
    house.wait(lambda: not house.rows(looks), what="the later looks at the tickets are over")
    house.settle()
    return len(house.sandbox.world.arrivals)


def a_minute_later(house: House) -> None:
    """The worker looks for what is due once a minute."""
    house.worker_desk._rescued = 0.0


def worker_erases(house: House, ticket: int) -> dict[str, int]:
    """Until the worker has carried it out; what it has cleared."""
    a_minute_later(house)
    house.wait(lambda: erased(house, ticket)[-1]["done_at"], what="the worker erases it")
    house.settle()
    return dict(erased(house, ticket)[-1]["cleared"])


def trail_of(house: House, ticket: int) -> list[tuple[str, str]]:
    """Who has done what to this ticket, oldest first."""
    rows = house.rows("SELECT who, action FROM audit WHERE target = %s ORDER BY id", f"ticket:{ticket}")
    return [(row["who"], row["action"]) for row in rows]


def whole_database(house: House) -> str:
    """Every row of every table as text, and whatever of its bytes this desk's key opens."""
    tables = house.rows(
        "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    rows = [row["row"] for table in tables for row in house.rows(f"SELECT t::text AS row FROM {table['name']} t")]
    vault = house.desk.vault
    rows += [
        vault.open(row["sealed"], f"case:{row['id']}").decode()
        for row in house.rows("SELECT id, sealed FROM cases WHERE sealed IS NOT NULL")
    ]
    rows += [
        vault.open(row["body"], row["fact"]).decode()
        for row in house.rows("SELECT fact, body FROM events WHERE body IS NOT NULL")
    ]
    return "\n".join(rows)


def every_command(house: House, cli: Cli, ticket: int) -> str:
    """What `desk` shows of a ticket, whatever one asks."""
    said = [
        cli(*words).output
        for words in (
            *(("events", "list"), ("events", "list", "--json"), ("events", "list", "--failed"), ("events", "causes")),
            *(("cases", "list"), ("cases", "list", "--json"), ("cases", "show", ticket), ("cases", "proof", ticket)),
            *(
                ("cases", "show", ticket, "--json"),
                ("audit", "list"),
                ("audit", "list", "--json"),
                ("replay", "--progress"),
            ),
        )
    ]
    for row in house.rows("SELECT id FROM events ORDER BY id"):
        said += [cli("events", "show", row["id"]).output, cli("events", "show", row["id"], "--json").output]
    return "\n".join(said)


def every_page(house: House, officer: Person, ticket: int) -> str:
    """What an officer can see, unusable bodies unmasked."""
    paths = ["/", "/events", "/cases", f"/cases/{ticket}", f"/cases/{ticket}/proof.json", "/dead", "/failures",
             "/schedules", "/audit"]  # fmt: skip
    paths += [f"/events/{row['id']}" for row in house.rows("SELECT id FROM events")]
    said = [officer.get(f"/admin{path}").raw for path in paths]
    said += [officer.post(f"/admin/export/{name}").raw for name in ("events", "cases")]
    for row in house.rows("SELECT id FROM events WHERE kind = 'dead'"):
        said.append(officer.post(f"/admin/dead/{row['id']}/unmask", reason="to see what is left").raw)
    return "\n".join(said)


def shown(text: str) -> list[str]:
    """The canaries in it."""
    return [word for word in CANARIES if word in text]

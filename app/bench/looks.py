"""Which pages are looked at: every GET page of the URL map, lists also narrowed and at their ends, and what is long
though it is sent by a form: exports, plans of many.

A page with something in its address needs an example here, or the measurement is refused: none is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, LiteralString
from urllib.parse import quote

import psycopg
from werkzeug.routing import Map, Rule

from app.admin.pages.exports import LOOKED_AT, MOST
from app.admin.queries import WINDOW
from app.bench.past import RARE
from app.bench.stage import BenchError

FLOOR = "/admin/confirm"  # a whole page of which only the session is read
CASES = 4 * WINDOW  # past runs of so many cases

IDS: dict[str, LiteralString] = {
    "old": "SELECT id FROM events WHERE state = 'done' AND case_id IS NOT NULL ORDER BY id OFFSET 300 LIMIT 1",
    "new": "SELECT id FROM events WHERE state = 'done' AND case_id IS NOT NULL ORDER BY id DESC LIMIT 1",
    "failed": "SELECT id FROM events WHERE state = 'dead' AND reason = 'channel' AND case_id IS NOT NULL"
    " ORDER BY id OFFSET 100 LIMIT 1",
    "of_the_desk": "SELECT e.id FROM events e JOIN cases c ON c.id = e.case_id WHERE c.ticket_id = 0"
    " ORDER BY 1 LIMIT 1",
    "letter": "SELECT id FROM events WHERE kind = 'dead' ORDER BY id OFFSET 100 LIMIT 1",
    "first_events": "SELECT id FROM events ORDER BY id OFFSET 60 LIMIT 1",
    "first_cases": "SELECT id FROM cases ORDER BY id OFFSET 60 LIMIT 1",
    "first_letters": "SELECT id FROM events WHERE kind = 'dead' ORDER BY id OFFSET 60 LIMIT 1",
    "first_audit": "SELECT id FROM audit ORDER BY id OFFSET 60 LIMIT 1",
    "ticket_old": "SELECT ticket_id FROM cases WHERE generation = 1 AND ticket_id > 1100 ORDER BY id LIMIT 1",
    "ticket_new": "SELECT ticket_id FROM cases WHERE closed_at IS NULL ORDER BY id DESC LIMIT 1",
    "ticket_rounds": "SELECT ticket_id FROM cases GROUP BY ticket_id ORDER BY count(*) DESC LIMIT 1",
    "issue": "SELECT jira_key FROM cases WHERE jira_key IS NOT NULL ORDER BY id DESC LIMIT 1",
    "middle": "SELECT to_char(received_at, 'YYYY-MM-DD') FROM events WHERE id = (SELECT max(id) / 2 FROM events)",
    "timer": "SELECT to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US+00:00') || '|' || name"
    " FROM timers WHERE fired_at IS NULL ORDER BY due_at OFFSET 500 LIMIT 1",
    "target": "SELECT target FROM audit ORDER BY id OFFSET 100 LIMIT 1",
}
# What comes behind the address of a list, beside nothing. A list of two: so many past runs are needed to fill it.
NARROWED: dict[str, tuple[str | tuple[str, int], ...]] = {
    "/admin/events": (
        *("before={first_events}", "state=dead", "state=dead&cause=channel", "state=held", "state=done"),
        *("state=void", "ticket={ticket_old}", "ticket={ticket_rounds}", "since={middle}T00:00&until={middle}T23:59"),
        *("until={middle}T00:00", "text={issue}", "text={ticket_old}", "sender=jira", "cause=vendor_busy"),
        *("cause=code&before={first_events}", "text=nowhere", "state=done&text=nowhere&sender=slack"),
    ),
    "/admin/cases": (
        *("before={first_cases}", "state=unfinished", "state=overdue", "state=needs_person", "state=done"),
        *("state=joined", "ticket={ticket_rounds}", "since={middle}T00:00&until={middle}T23:59"),
        *("state=unfinished&text=nowhere", ("text={issue}", CASES), ("text=nowhere", CASES)),
        ("state=done&text=nowhere", CASES),
    ),
    "/admin/dead": ("before={first_letters}",),
    "/admin/schedules": ("after={timer}",),
    "/admin/audit": (
        *("before={first_audit}", "target={target}", "who=aminah", f"who={RARE}", "who=nobody"),
        *("action=login", "action=letter.unmasked", "action=nothing", f"who={RARE}&action=login", "target=nowhere"),
        *("who=aminah&action=event.replayed", "who=aminah&action=login&target={target}"),
    ),
}
DETAILS = {
    "/admin/events/<number>": ("old", "new", "failed", "letter", "of_the_desk"),
    "/admin/dead/<number>": ("letter",),
    "/admin/cases/<number>": ("ticket_old", "ticket_new", "ticket_rounds"),
    "/admin/cases/<number>/proof.json": ("ticket_old", "ticket_new", "ticket_rounds"),
}
SENT: tuple[tuple[str, dict[str, str], int], ...] = (
    ("/admin/export/events", {}, MOST),
    ("/admin/export/events", {"state": "dead"}, 0),
    ("/admin/export/events", {"text": "nowhere"}, LOOKED_AT),
    ("/admin/export/cases", {}, 4 * MOST),
    ("/admin/export/cases", {"text": "nowhere"}, 4 * LOOKED_AT),
    ("/admin/failures/replay", {"act": "dry", "cause": "channel"}, 0),
)
SKIPPED = ("static", "oidc", "oidc_back")  # files, and the way to somebody else's login
LOGIN = "/admin/login"  # whoever is logged in is led on from there


@dataclass(frozen=True)
class Look:
    """One request. `fields`: of a form, else it is a GET; `full`: past runs from which it is as long as it can be."""

    name: str
    path: str
    fields: Mapping[str, str] | None = None
    full: int = 0

    @property
    def by_nobody(self) -> bool:
        """Asked for without a session."""
        return self.path == LOGIN


def looks(rules: Iterable[Rule], conn: psycopg.Connection[Any]) -> list[Look]:
    """All of them, with ids of this database, in an order that is the same for each. Raises BenchError."""
    ids = {name: str(_one(conn, name, query)) for name, query in IDS.items()}
    found = [look for rule in rules for look in _of(rule, ids)]
    found += [Look(_named(path, fields), path, fields, full) for path, fields, full in SENT]
    return found


def _one(conn: psycopg.Connection[Any], name: str, query: LiteralString) -> object:
    row = conn.execute(query).fetchone()
    if row is None or row[0] is None:
        raise BenchError(f"this history has no {name}: make it larger", "bench")
    return row[0]


def rules(environment: Mapping[str, str]) -> list[Rule]:
    """Every GET page under /admin, of the very application that gunicorn serves."""
    from app import create_app
    from app.desk import Desk
    from app.settings import load

    settings = load(_env_file=None, **{name.lower(): value for name, value in environment.items()})
    desk = Desk(settings, pool=1)
    try:
        return of_admins(create_app(settings, desk).url_map)
    finally:
        desk.db.close()


def of_admins(urls: Map) -> list[Rule]:
    """The GET pages among these addresses."""
    ours = [rule for rule in urls.iter_rules() if rule.endpoint.startswith("admin.") and "GET" in (rule.methods or ())]
    return sorted((rule for rule in ours if rule.endpoint.partition(".")[2] not in SKIPPED), key=str)


def _of(rule: Rule, ids: Mapping[str, str]) -> list[Look]:
    address = str(rule)
    if rule.arguments:
        if address not in DETAILS:
            raise BenchError(f"{address} has no example in app/bench/looks.py", "bench")
        names = DETAILS[address]
        return [Look(address.replace("number", name), address.replace("<number>", ids[name])) for name in names]
    found = [Look(address, address)]
    for given in NARROWED.get(address, ()):
        query, full = given if isinstance(given, tuple) else (given, 0)
        safe = {name: quote(value) for name, value in ids.items()}
        found.append(Look(f"{address}?{query}", f"{address}?{query.format(**safe)}", full=full))
    return found


def _named(path: str, fields: Mapping[str, str]) -> str:
    said = ", ".join(f"{name}={value}" for name, value in fields.items())
    return f"POST {path}" + (f" ({said})" if said else "")

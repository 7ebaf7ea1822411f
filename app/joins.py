"""One person's several tickets: which case carries the wish, and which ones follow it (features 4.2, 0.21).

A person is known by `cases.persons`: keyed hashes of phone number and e-mail, either is enough. Only a complete case is
ever joined, so a duplicate that nobody has verified can neither take the genuine request's place nor be
approved for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app import approvers, cases, db, timers, wish
from app.cases import Case
from app.db import Connection
from app.events import Json
from app.settings import CHANNELS

if TYPE_CHECKING:
    from app.notes import Note

MAIN_STATES = ("awaiting", "approved", "banning", "verifying")
DECIDED = ("approved", "banning", "verifying", "done", "needs_person")


@dataclass(frozen=True)
class Other:
    """Another ticket of the same person: ids and a state, nothing of the person."""

    ticket_id: int
    state: str
    jira_key: str | None


@dataclass(frozen=True)
class Joined:
    """`main`: the case that this one follows; `followers`: tickets that follow this one; `beside`: others decided."""

    main: Other | None = None
    followers: tuple[int, ...] = ()
    beside: tuple[Other, ...] = ()


def covers(main: Sequence[str], asked: Sequence[str]) -> bool:
    """Whether who carries out the preference `main` carries out `asked` as well."""
    if "delete_all" in main:
        return True
    if "delete_all" in asked:
        return False
    return "stop_all" in main or ("stop_all" not in asked and set(asked) <= set(main))


def lock(conn: Connection, persons: Sequence[str]) -> None:
    """Until this transaction ends nobody else decides which case of these persons is the main one."""
    db.lock(conn, [f"joins:{person}" for person in persons])


def others(conn: Connection, case: Case) -> list[Case]:
    """The complete open cases of the same person on other tickets, oldest first."""
    rows = conn.execute(
        "SELECT * FROM cases WHERE persons && %s AND procedure = %s AND ticket_id <> %s AND closed_at IS NULL"
        " AND state = ANY(%s) ORDER BY received_at, id",
        (list(case.persons), case.procedure, case.ticket_id, list(MAIN_STATES)),
    ).fetchall()
    return [cases.Case.of(row) for row in rows]


def join(conn: Connection, case: Case) -> Case:
    """Under `lock`: follow the oldest case that carries this wish already; else take over those that ask for less.

    The case as it is then: joined, or awaiting with a card of its own to come.
    """
    found = others(conn, case)
    main = next((other for other in found if covers(other.preference, case.preference)), None)
    if main and not _stays(conn, main, case):
        return join(conn, case)  # it has just been decided or amended: look again
    if main:
        joined = cases.move(conn, case, "joined", of={"awaiting"}, joined_to=main.id)
        if joined:
            timers.hand_over(conn, case.id, main.id, cases.ELSEWHERE)
            timers.stop(conn, case.id)
            repoint(conn, case.id, main.id)
            _look(conn, main.id, f"joined:{case.id}")
        return joined or cases.load(conn, case.id) or case
    for other in found:
        if covers(case.preference, other.preference) and cases.move(
            conn, other, "joined", of={"awaiting"}, joined_to=case.id
        ):
            timers.hand_over(conn, other.id, case.id, cases.ELSEWHERE)
            timers.stop(conn, other.id)
            _look(conn, other.id, f"joined:{case.id}")
            repoint(conn, other.id, case.id)
    tell_narrower(conn, case)
    return case


def tell_narrower(conn: Connection, case: Case) -> None:
    """Whoever follows this case and asks for more than it carries now looks at where it stands."""
    for follower in following(conn, case.id):
        if not covers(case.preference, follower.preference):
            _look(conn, follower.id, f"joined:{case.id}:narrower")


def _stays(conn: Connection, main: Case, case: Case) -> bool:
    """Whether it still carries the wish, and does so until this transaction ends. Whoever moves it after that finds
    its new follower; without the lock neither would see the other, and nobody would carry the wish."""
    row = conn.execute("SELECT * FROM cases WHERE id = %s FOR SHARE", (main.id,)).fetchone()
    now = cases.Case.of(row) if row else None
    return now is not None and now.state in MAIN_STATES and covers(now.preference, case.preference)


def following(conn: Connection, case_id: int) -> list[Case]:
    """The cases that follow this one now."""
    rows = conn.execute("SELECT * FROM cases WHERE joined_to = %s AND state = 'joined' ORDER BY id", (case_id,))
    return [cases.Case.of(row) for row in rows.fetchall()]


def repoint(conn: Connection, old_id: int, new_id: int) -> None:
    """Whoever followed the one follows the other, and says so."""
    for follower in following(conn, old_id):
        conn.execute("UPDATE cases SET joined_to = %s WHERE id = %s AND state = 'joined'", (new_id, follower.id))
        _look(conn, follower.id, f"joined:{new_id}")


def withdraw_part(conn: Connection, case: Case, channels: Sequence[str]) -> None:
    """The customer takes these channels back: every case that follows this one asks for so much less, too."""
    for follower in following(conn, case.id):
        before, left = _channels(follower), wish.without(follower.preference, channels)
        if left is None or set(channels) <= set(before):
            continue  # it was withdrawn there
        told: dict[str, Json] = {"channels": [*before, *channels], "at": _now(), "ticket": case.ticket_id}
        if not left:  # all that this ticket asked for has been taken back
            told |= {"new": [*channels], "from": "joined"}
            if cases.move(conn, follower, "withdrawn", of={"joined"}, withdrawal=told):
                _look(conn, follower.id, f"joined:{case.id}:nothing_left")
            continue
        cases.move(conn, follower, "joined", of={"joined"}, preference=left, withdrawal=told)
        _look(conn, follower.id, f"joined:{case.id}:{'.'.join(channels)}")


def tell_main(conn: Connection, case: Case, channels: Sequence[str]) -> None:
    """A withdrawal on a follower's ticket is one of the case that it follows: carried out under that one's ticket.

    `channels`: what is taken back now, not what was before; (): all of it.
    """
    if case.joined_to is not None:
        what = _withdrawn(case, channels)
        timers.again(conn, timers.of_case(case.joined_to, what), what, datetime.now(UTC), case_id=case.joined_to)


def tell_others(conn: Connection, case: Case, persons: Sequence[str]) -> None:
    """A withdrawal is the customer's, whatever ticket it came on: every older wish of these persons hears of it, once.

    Also an earlier round of the same ticket whose ban is in place. Each channel counts from when it was taken back.
    """
    times = case.withdrawal.get("times")
    at = {c: datetime.fromisoformat(str(of)) for c, of in times.items()} if isinstance(times, dict) else {}
    rows = conn.execute(
        "SELECT id, greatest(received_at, retagged_at) AS asked FROM cases WHERE persons && %s AND procedure = %s"
        " AND id <> %s AND (state = 'done' OR closed_at IS NULL) ORDER BY id",
        (list(persons), case.procedure, case.id),
    )
    for row in rows.fetchall():
        taken = [channel for channel in CHANNELS if channel in at and row["asked"] <= at[channel]]
        whole = case.state == "withdrawn" and not _channels(case) and row["asked"] <= withdrawn_at(case)
        if taken or whole:
            what = _withdrawn(case, () if whole else taken)
            timers.start(conn, timers.of_case(row["id"], what), what, datetime.now(UTC), case_id=row["id"])


def withdrawn_at(case: Case) -> datetime:
    """When the case learned of the newest withdrawal (UTC)."""
    at = case.withdrawal.get("at")
    return datetime.fromisoformat(at) if isinstance(at, str) and at else case.changed_at


def outlives(case: Case, elsewhere: Case) -> bool:
    """Whether this wish came, or was tagged anew, after that withdrawal: then it is the newer one (0.15)."""
    return max(case.received_at, case.retagged_at or case.received_at) > withdrawn_at(elsewhere)


def untold(conn: Connection, case: Case) -> bool:
    """Whether a withdrawal of another case has still to be carried out in this one."""
    row = conn.execute(
        "SELECT 1 AS yes WHERE EXISTS (SELECT 1 FROM timers WHERE case_id = %(case)s AND fired_at IS NULL"
        " AND starts_with(what, %(what)s)) OR EXISTS (SELECT 1 FROM events WHERE ticket_id = %(ticket)s"
        " AND kind = 'time_came' AND state IN ('queued', 'running', 'waiting', 'held', 'dead')"
        " AND case_id = %(case)s AND starts_with(detail->>'what', %(what)s))",
        {"case": case.id, "ticket": case.ticket_id, "what": f"{cases.ELSEWHERE}:"},
    ).fetchone()
    return row is not None


def source(conn: Connection, due: str) -> tuple[Case | None, tuple[str, ...]]:
    """The case whose withdrawal a timer `withdrawn:<case>:<channels>` is about, and the channels taken back then."""
    number, _, channels = due.partition(":")[2].partition(":")
    named = tuple(channel for channel in channels.split(".") if channel in CHANNELS)
    return (cases.load(conn, int(number)) if number.isdigit() else None), named


def _withdrawn(case: Case, channels: Sequence[str]) -> str:
    return f"{cases.ELSEWHERE}:{case.id}:{'.'.join(channels) or 'all'}"


def _channels(case: Case) -> tuple[str, ...]:
    found = case.withdrawal.get("channels")
    return tuple(str(item) for item in found) if isinstance(found, list) else ()


def _look(conn: Connection, case_id: int, what: str) -> None:
    """The case looks at where it stands, in an event of its own ticket: card, mark and note follow."""
    timers.again(conn, timers.of_case(case_id, what), "joined", datetime.now(UTC), case_id=case_id)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def facts(conn: Connection, case: Case) -> Joined:
    """What the note tells of the person's other tickets."""
    main = cases.load(conn, case.joined_to) if case.joined_to else None
    followers = conn.execute(
        "SELECT ticket_id FROM cases WHERE joined_to = %s AND state IN ('joined', 'done') ORDER BY ticket_id",
        (case.id,),
    ).fetchall()
    beside = conn.execute(
        "SELECT ticket_id, state, jira_key FROM cases WHERE persons && %s AND procedure = %s AND ticket_id <> %s"
        " AND id < %s AND state = ANY(%s) AND joined_to IS NULL ORDER BY id",
        (list(case.persons), case.procedure, case.ticket_id, case.id, list(DECIDED)),
    ).fetchall()
    return Joined(
        Other(main.ticket_id, main.state, main.jira_key) if main else None,
        tuple(int(row["ticket_id"]) for row in followers),
        tuple(Other(**row) for row in beside) if case.is_open and main is None else (),
    )


def lines(note: Note) -> list[str]:
    """Which ticket carries the wish, who follows this one, and what was decided for the person elsewhere."""
    get, found = note.texts.get, note.facts.joined
    said: list[str] = []
    if found.main and note.case.state in ("joined", "done"):
        ticket = str(found.main.ticket_id)
        said.append(get("joins.follows", ticket=ticket))
        if note.case.state == "done":
            said.append(get("joins.done_with", ticket=ticket, issue=found.main.jira_key or "–"))
        elif found.main.state == "needs_person":
            said.append(get("joins.stuck", ticket=ticket))
    said += [get("joins.also_asked", ticket=str(ticket)) for ticket in found.followers]
    for other in found.beside:
        key = "beside_issue" if other.jira_key else "beside"
        issue = {"issue": other.jira_key} if other.jira_key else {}
        said.append(get(f"joins.{key}", ticket=str(other.ticket_id), **issue))
    if note.case.retagged_at:
        said.append(retagged(note))
    return said


def retagged(note: Note) -> str:
    """Tagging again is safe: what goes on, or what stands already."""
    case, get, when = note.case, note.texts.get, note.when(note.case.retagged_at)
    if note.stable:
        when = str(case.tag_audit_id)  # the same text once a re-tag, also when two come within a minute
    if case.state in ("approved", "banning", "verifying"):
        who = approvers.decider(note.settings, case)
        return get("joins.retagged_approved", when=when, who=who, issue=case.jira_key or "–")
    return get("notes.retagged", when=when)

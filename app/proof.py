"""The evidence of one ticket as one document: who wished and decided what, what was done about it, and when.

Ids, codes and times only, by lists of what may be in it: no name, number, address or sealed text can get there. The
same state gives the same document, so its SHA-256 tells whether a copy was changed. Source: features 0.34.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from app import cases, kept
from app.cases import Case
from app.db import Connection, Row
from app.events import Json
from app.texts import Texts

# What of a case's and an effect's own JSON is shown. Agents are Zendesk user ids, supervisors are chat ids.
CONFIRMED = ("by", "via", "identity", "authority", "agent", "at")
ASKED = ("by", "at", "answered", "event")
EXTENDED = ("by", "reason", "source", "at", "until", "tell_by")
WITHDRAWN = ("at", "times", "ticket", "from")
THREAT = ("kinds", "rules", "comments", "events", "tagged")
VENDOR_IDS = ("audit_id", "channel", "ts", "thread", "key", "id", "comment", "macro_id", "text_hash", "wording",
              "wording_hash", "found", "gone")  # fmt: skip

CONSENTS = (
    "SELECT id, kind, purpose, channel, allowed, reason, wording, actor, ticket_id, corrects, wished_at, recorded_at"
    " FROM consents WHERE case_id = %s ORDER BY id"
)
EFFECTS = (
    "SELECT id, verb, arg, vendor, op_id, state, attempts, reason, evidence, planned_at, sent_at, done_at"
    " FROM effects WHERE case_id = %s ORDER BY id"
)
# Of its events also what was written before they had a case. Two searches, each by its index: one with OR would read
# all of the journal.
JOURNAL = (
    "SELECT j.at, j.what, j.reason, j.event_id, e.kind AS event, e.detail->>'what' AS due, j.effect_id, j.detail"
    " FROM (SELECT * FROM journal WHERE case_id = %s UNION ALL SELECT b.* FROM journal b JOIN events o"
    " ON o.id = b.event_id WHERE o.case_id = %s AND b.case_id IS NULL) AS j LEFT JOIN events e ON e.id = j.event_id"
    " ORDER BY j.id"
)
WISHES = "SELECT wish, state, source, asked_at, claimed_at, confirmed_at, checked_at FROM wishes WHERE case_id = %s"
VOTES = "SELECT chat_user, action, event_id, seen, voted_at FROM votes WHERE case_id = %s ORDER BY event_id"
LOOKS = (
    "SELECT what, due_at FROM timers WHERE case_id = %s AND fired_at IS NULL AND starts_with(what, 'recheck')"
    " ORDER BY due_at"
)


def bundle(conn: Connection, ticket_id: int, texts: Texts) -> dict[str, Any] | None:
    """All rounds of the ticket, oldest first, as plain JSON, and last `sha256`; None when it never had one."""
    rows = conn.execute("SELECT * FROM cases WHERE ticket_id = %s ORDER BY id", (ticket_id,)).fetchall()
    if not rows or ticket_id <= 0:
        return None
    found = {"ticket": ticket_id, "rounds": [_round(conn, Case.of(row), texts) for row in rows]}
    plain: dict[str, Any] = json.loads(json.dumps(found, default=_plain))
    return {**plain, "sha256": digest(plain)}


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of the document without its own: keys sorted, no spaces, UTF-8 (what `jq -cjS` writes)."""
    rest = {name: value for name, value in document.items() if name != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _round(conn: Connection, case: Case, texts: Texts) -> dict[str, Any]:
    def read(query: str) -> list[Row]:
        return conn.execute(query, (case.id,) * query.count("%s")).fetchall()

    journal = read(JOURNAL)
    return {
        "case": case.id,
        "procedure": case.procedure,
        "generation": case.generation,
        "state": case.state,
        "preference": list(case.preference),
        "times": {
            "received": case.received_at,
            "opened": case.opened_at,
            "due": case.due_at,
            "in_this_state_since": case.moved_at,
            "closed": case.closed_at,
        },
        "tag": {"audit_id": case.tag_audit_id, "by": case.tagger_id, "again": case.retagged_at},
        "confirmed": _only(case.confirmation, CONFIRMED),
        "threat": _only(case.evidence, THREAT),
        "decided": _decided(case),
        "votes": read(VOTES),
        "asked": _only(case.asked, ASKED),
        "extended": _only(case.clock.get("extended"), EXTENDED),
        "withdrawn": _only(case.withdrawal, WITHDRAWN),
        "joined_to": _joined(conn, case),
        "chat": {"channel": case.chat_channel, "message": case.chat_ts},
        "jira": {"key": case.jira_key, "status": case.jira_status},
        "consents": read(CONSENTS),
        "effects": [{**row, "evidence": _only(row["evidence"], VENDOR_IDS)} for row in read(EFFECTS)],
        "ban": {
            "wishes": read(WISHES),
            "checks": [_check(row) for row in journal if row["what"] == "ban_checked"],
            "to_come": read(LOOKS),
        },
        "kept": {**_only(case.kept, ("version", "profile", "kind", "on")), "duties": kept.told(texts, case.kept)},
        "journal": journal,
    }


def _decided(case: Case) -> dict[str, Any]:
    """The supervisor's decision; `reason`: the code of a refusal."""
    if case.decision is None:
        return {}
    reason = {"reason": case.reason} if case.decision == "decline" else {}
    return {"decision": case.decision, "by": case.decided_by, "at": case.decided_at, "event": case.decision_event,
            **reason}  # fmt: skip


def _joined(conn: Connection, case: Case) -> dict[str, Any]:
    main = cases.load(conn, case.joined_to) if case.joined_to else None
    return {"case": main.id, "ticket": main.ticket_id} if main else {}


def _check(line: Row) -> dict[str, Any]:
    """What the ban's source said: channel -> whether the customer is banned there."""
    return {"at": line["at"], "event": line["event_id"], "because": line["due"] or line["event"],
            "by": line["reason"], "banned": line["detail"]}  # fmt: skip


def _only(given: object, names: Iterable[str]) -> dict[str, Json]:
    return {name: given[name] for name in names if name in given} if isinstance(given, Mapping) else {}


def _plain(value: object) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value)

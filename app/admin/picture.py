"""One case from tag to proof: what is behind it, where it stands, what is still to come; with times and who."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.admin.words import Words
from app.bans.wishes import SOURCE
from app.cases import CLOSED_STATES
from app.db import Row
from app.notes import CONSENT_MACRO, REQUEST_MACRO

THREAT = "regulatory_threat"
ENDED = ("declined", "withdrawn", "void", "joined")  # what is still to come of these does not come any more


@dataclass(frozen=True)
class Milestone:
    """`standing`: done, now, failed, later or skipped. `who`: an id; `note`: in plain words."""

    name: str
    standing: str
    at: datetime | None = None
    who: str = ""
    note: str = ""


def milestones(words: Words, case: Row, effects: Sequence[Row], wishes: Sequence[Row], second: str) -> list[Milestone]:
    """In the procedure's order. `second`: title of the macro of the second message, '' when there is none."""
    if case["procedure"] == THREAT:
        found = [_begin("seen", case), _asked(words, effects), _decided(words, case)]
    else:
        found = [
            _begin("tagged", case),
            _mail(words, "acknowledged", effects, (REQUEST_MACRO,)),
            _asked(words, effects),
            _decided(words, case),
            _issue(words, case, effects),
            _verified(words, case, wishes),
            _told(words, case, effects, second),
        ]
    if case["state"] == "withdrawn":
        mail = _mail(words, "withdrawn", effects, (CONSENT_MACRO,))
        found.append(Milestone("withdrawn", "done", case["closed_at"], note=_mail_note(mail)))
    found.append(_proof(case))
    return _in_order(case, found)


def _in_order(case: Row, found: list[Milestone]) -> list[Milestone]:
    """What nobody waits for any more is skipped; of an open case the first that is still to come is under way."""
    over = case["state"] in CLOSED_STATES or case["state"] in ENDED
    ordered, waited = [], any(item.standing in ("now", "failed") for item in found)
    for item in found:
        here = item
        if item.standing == "later" and over:
            here = replace(item, standing="skipped")
        elif item.standing == "later" and not waited:
            here, waited = replace(item, standing="now"), True
        ordered.append(here)
    return ordered


def _begin(name: str, case: Row) -> Milestone:
    tagger = f"Zendesk user {case['tagger_id']}" if case.get("tagger_id") else ""
    return Milestone(name, "done", case["received_at"], tagger)


def _mail(words: Words, name: str, effects: Sequence[Row], titles: Sequence[str]) -> Milestone:
    return _of(words, name, [e for e in effects if e["verb"] == "apply_macro" and e["arg"] in titles])


def _mail_note(mail: Milestone) -> str:
    return {"done": "the customer was told", "failed": f"the customer could not be told: {mail.note}"}.get(
        mail.standing, ""
    )


def _asked(words: Words, effects: Sequence[Row]) -> Milestone:
    return _of(words, "asked", [e for e in effects if e["verb"] == "ask_supervisor"])


def _decided(words: Words, case: Row) -> Milestone:
    if case["decision"] is None:
        return Milestone("decided", "later")
    note = words.say("decision", case["decision"])
    return Milestone("decided", "done", case["decided_at"], case["decided_by"] or "", note)


def _issue(words: Words, case: Row, effects: Sequence[Row]) -> Milestone:
    found = _of(words, "issue", [e for e in effects if e["verb"] == "open_jira"])
    return replace(found, who=case["jira_key"] or "")


def _verified(words: Words, case: Row, wishes: Sequence[Row]) -> Milestone:
    standing = [wish for wish in wishes if wish["state"] != "withdrawn"]
    if case["reason"] and case["state"] == "needs_person" and case["decision"]:
        return Milestone("verified", "failed", case["moved_at"], note=words.cause(case["reason"]))
    if standing and all(wish["state"] == "confirmed" for wish in standing):
        by = "by the ban's source" if any(wish["source"] == SOURCE for wish in standing) else "by JIRA's word"
        return Milestone("verified", "done", max(wish["confirmed_at"] for wish in standing), note=by)
    if any(wish["state"] == "contradicted" for wish in standing):
        return Milestone("verified", "failed", max(filter(None, (w["checked_at"] for w in standing)), default=None),
                         note=words.say("wish_state", "contradicted"))  # fmt: skip
    if any(wish["state"] == "claimed" for wish in standing):
        return Milestone("verified", "now", note=words.say("wish_state", "claimed"))
    return Milestone("verified", "later")


def _told(words: Words, case: Row, effects: Sequence[Row], second: str) -> Milestone:
    mails = [e for e in effects if e["verb"] == "apply_macro" and e["arg"] not in (REQUEST_MACRO, CONSENT_MACRO)]
    if mails:
        return _of(words, "told", mails)
    return Milestone("told", "later") if second else Milestone("told", "skipped", note="no second message is set up")


def _proof(case: Row) -> Milestone:
    if case["closed_at"] is None:
        return Milestone("proof", "later")
    return Milestone("proof", "done", case["closed_at"])


def _of(words: Words, name: str, effects: Sequence[Row]) -> Milestone:
    """Where the first effect that was done, or else the last one, stands."""
    wanted = [effect for effect in effects if effect["state"] != "void"]
    done = [effect for effect in wanted if effect["state"] == "done"]
    if done:
        first = min(done, key=lambda effect: effect["done_at"])
        return Milestone(name, "done", first["done_at"])
    if not wanted:
        return Milestone(name, "later")
    last = wanted[-1]
    if last["state"] == "dead":
        return Milestone(name, "failed", last["sent_at"], note=words.cause(last["reason"]))
    note = words.cause(last["reason"]) or words.say("effect", last["state"])
    return Milestone(name, "now", last["next_at"], note=note)

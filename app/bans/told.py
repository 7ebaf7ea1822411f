"""What a ticket's note says of the ban: each wish with its proof, what the source denies, the second message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.bans.wishes import JIRA, OFFERS, SOURCE, UNKNOWN_CUSTOMER, Wish
from app.forget import FORGOTTEN
from app.settings import CHANNELS

if TYPE_CHECKING:
    from app.notes import Note

LIFE = ("silent", "again", "lifted")  # lines that a walk adds and takes away (`info:<name>`)
AFTER = ("done", "verifying", "needs_person")


def lines(note: Note) -> list[str]:
    """The lines of this matter, in the order in which things happen."""
    if note.case.state == "withdrawn":
        return []
    said = [note.texts.get(f"bans.{name}") for name in LIFE if f"info:{name}" in note.case.problems]
    if note.case.state in AFTER:
        said += [*_proofs(note), *_denied(note)]
    if note.case.state == "needs_person" and note.case.reason == FORGOTTEN:
        said.append(note.texts.get("bans.forgotten"))
    return [*said, *_second(note)]


def _proofs(note: Note) -> list[str]:
    """What is confirmed, by whom and since when: JIRA's word and the source's are never mixed."""
    said = []
    for source in (JIRA, SOURCE):
        sure = [wish for wish in note.facts.wishes if wish.state == "confirmed" and wish.source == source]
        if not sure:
            continue
        since = max((wish.confirmed_at for wish in sure if wish.confirmed_at), default=None)
        said.append(note.texts.get(f"bans.confirmed.{source}", wishes=_named(note, sure), when=note.when(since)))
    return said


def _denied(note: Note) -> list[str]:
    denied = [wish for wish in note.facts.wishes if wish.state == "contradicted"]
    if not denied:
        return []
    if any(wish.source == UNKNOWN_CUSTOMER for wish in denied):
        return [note.texts.get("bans.unknown_customer")]
    channels = [wish for wish in denied if wish.wish != OFFERS]
    return [note.texts.get("bans.not_banned", wishes=_named(note, channels or denied))]


def _named(note: Note, wishes: Iterable[Wish]) -> str:
    names = [f"cards.channel.{w.wish}" if w.wish in CHANNELS else f"bans.wish.{w.wish}" for w in wishes]
    return note.texts.get("cards.channel.comma").join(note.texts.get(name) for name in names)


def _second(note: Note) -> list[str]:
    """The second message is told as every e-mail is; here only why there is none."""
    if "info:second" not in note.case.problems or note.case.state != "done" or second_is_out(note):
        return []
    held = [name for name in ("no_email", "unreachable", "cc") if f"info:{name}" in note.case.problems]
    return [note.texts.get(f"bans.second.{held[0] if held else 'pending'}")]


def second_is_out(note: Note) -> bool:
    """Whether the customer has been told that it is done."""
    from app.notes import CONSENT_MACRO, REQUEST_MACRO

    mails = [e for e in note.effects if e.verb == "apply_macro" and e.arg not in (REQUEST_MACRO, CONSENT_MACRO)]
    return any(mail.state == "done" for mail in mails)

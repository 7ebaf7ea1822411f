"""What customers said on a ticket that holds threat words, and how a piece of it is shown to a supervisor.

`Said` holds a person's words: it lives for one walk and is never logged or stored; stored are ids, kinds and rules.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from app.clients import retry
from app.clients.types import Comment, Ticket, Zendesk
from app.errors import PermanentError, UnknownOutcomeError, VendorError
from app.threats import language
from app.threats.finder import Evidence, Span, find
from app.threats.quoted import own_words

AROUND = 90  # characters shown before and after what was found
EXCERPT = 300  # characters of one excerpt
SHOWN = 3  # excerpts on a card


@dataclass(frozen=True)
class Said:
    """One comment of a customer: its own words, and what was found in them."""

    comment_id: int
    text: str = field(repr=False)
    evidence: Evidence


def read(
    zendesk: Zendesk,
    ticket: Ticket,
    known: Collection[int],
    *,
    own_id: int | None = None,
    asked: Callable[[], Sequence[Comment]] | None = None,
) -> tuple[Said, ...]:
    """The customers' comments with threat words, oldest first, that came after every comment of the ids `known`.

    Agents' comments and quoted text do not count, nor do the desk's own (`own_id`). Raises VendorError.
    `asked`: the read of the comments, when it has been begun already.
    """
    return listen(zendesk, ticket, known, own_id=own_id, asked=asked)[0]


def listen(
    zendesk: Zendesk,
    ticket: Ticket,
    known: Collection[int],
    *,
    own_id: int | None = None,
    asked: Callable[[], Sequence[Comment]] | None = None,
) -> tuple[tuple[Said, ...], str]:
    """The same, and the language (app.threats.language) of the newest of them, else of the requester's newest words; ''
    when there are none. Only the language's code may be stored."""
    comments = retry.read(asked or (lambda: zendesk.comments(ticket.id)))
    last = max((at for at, comment in enumerate(comments) if comment.id in known), default=-1)
    roles: dict[int, str] = {}
    found, newest = [], ""
    for comment in comments[last + 1 :]:
        if comment.author_id in (0, own_id) or comment.author_id < 0:
            continue  # an automation, or we ourselves
        text = own_words(comment.body)
        evidence = find(text)
        if comment.author_id == ticket.requester_id:
            newest = text
        if evidence and _by_customer(zendesk, ticket, comment, roles):
            found.append(Said(comment.id, text, evidence))
    words = found[-1].text if found else newest
    return tuple(found), language.of(words) if words else ""


def _by_customer(zendesk: Zendesk, ticket: Ticket, comment: Comment, roles: dict[int, str]) -> bool:
    """The requester, or anybody else who is no agent. Whoever is not known any more may have been a customer."""
    author = comment.author_id
    if author == ticket.requester_id:
        return True
    if author not in roles:
        try:
            roles[author] = retry.read(lambda: zendesk.person(author)).role
        except PermanentError:
            roles[author] = ""
    return roles[author] not in ("agent", "admin")


def hopeless(error: VendorError) -> bool:
    """Whether waiting does not help: the comments are gone, forbidden, or in no shape to be read."""
    return isinstance(error, PermanentError) or (
        isinstance(error, UnknownOutcomeError) and error.reason in ("unreadable", "oversized")
    )


def ids(value: object) -> list[int]:
    """The ids in a list that was kept in a case."""
    return [item for item in value if isinstance(item, int)] if isinstance(value, list) else []


def excerpts(said: Sequence[Said]) -> tuple[str, ...]:
    """The words found, each with a little of what stands around it; of many the newest, oldest first. One line each."""
    shown: list[str] = []
    for one in reversed(said):
        pieces = list(_pieces(one.text, one.evidence.spans))[: SHOWN - len(shown)]
        shown = [*pieces, *shown]
        if len(shown) >= SHOWN:
            break
    return tuple(shown)


def _pieces(text: str, spans: Sequence[Span]) -> Iterator[str]:
    """Neighbouring findings share one excerpt as long as it stays short."""
    at = 0
    while at < len(spans):
        start, end = max(spans[at].start - AROUND, 0), spans[at].end
        while at + 1 < len(spans) and spans[at + 1].end - start <= EXCERPT - AROUND:
            at += 1
            end = spans[at].end
        stop = min(end + AROUND, start + EXCERPT, len(text)) if end - start < EXCERPT else end
        before, after = "…" if start > 0 else "", "…" if stop < len(text.rstrip()) else ""
        yield before + " ".join(text[start:stop].split()) + after
        at += 1

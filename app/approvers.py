"""Who may decide a procedure's cards at this moment: APPROVERS, the members of the chat's user group, who stands in.

Nobody listed means nobody may. A decision reads everything anew, so that whoever was taken off is refused at once
(S013, faults D6); doors, reminders and mentions use a copy that is at most a minute old.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from weakref import WeakKeyDictionary

import psycopg

from app import covers
from app.cases import Case
from app.clients import retry
from app.clients.chat import Chat
from app.covers import Cover
from app.db import Database
from app.errors import DeskError, PermanentError
from app.settings import Settings

COPY_FOR = 60.0  # seconds that a copy may be old
COVERS_WITHIN = 0.5  # seconds: the doors wait for it, and have promised an answer
STRANGER_FOR = 5.0  # the same for somebody who is not in it: they may have been added a moment ago


def listed_now(settings: Settings, db: Database, chat: Chat, procedure: str, user: str) -> str | None:
    """E-mail address of the Zendesk agent that this chat user decides as; None when they are on no list.

    '' for a member of the group, whose own chat profile must say it. Everything is read now. Raises VendorError when
    the group cannot be read; reason `approvers`: not as things are, an admin must mend it.
    """
    named = settings.approvers_of(procedure)
    if user in named:
        return named[user]
    with db.each() as conn:
        mine = [cover for cover in covers.running(covers.standing(conn), datetime.now(UTC)) if cover.delegate == user]
    for cover in mine:
        if cover.absent in named:
            return cover.agent
    group = settings.group_of(procedure)
    members = _members(chat, group) if group else frozenset()
    for cover in mine:
        if cover.absent in members:
            return cover.agent
    return "" if user in members else None


def named_now(settings: Settings, db: Database, chat: Chat, procedure: str, by: str) -> tuple[str, str] | None:
    """Chat id and agent's address of whoever `by` names, a chat id or an address, if they are on a list now; else None.

    A member of the group is the agent of their own chat profile. Everything is read now. Raises as `listed_now`.
    """
    if "@" not in by:
        mail = listed_now(settings, db, chat, procedure, by)
        mail = _own_mail(chat, by) if mail == "" else mail
        return (by, mail) if mail else None
    named, group = settings.approvers_of(procedure), settings.group_of(procedure)
    for user, mail in named.items():
        if mail.casefold() == by.casefold():
            return user, mail
    members = _members(chat, group) if group else frozenset()
    with db.each() as conn:
        running = covers.running(covers.standing(conn), datetime.now(UTC))
    lent = [(cover.delegate, cover.agent) for cover in running if cover.absent in {*named, *members}]
    own = ((user, _own_mail(chat, user)) for user in sorted(members - named.keys()))
    return next((found for found in chain(lent, own) if found[1].casefold() == by.casefold()), None)


def may_try(settings: Settings, db: Database, chat: Chat, procedure: str, user: str) -> bool:
    """Whether it is worth opening a form for them, by the copy. Never raises; True when nobody can say."""
    try:
        return any(user in _known(settings, db, chat, procedure, age) for age in (COPY_FOR, STRANGER_FOR))
    except (DeskError, psycopg.Error):
        return True


def on_duty(settings: Settings, db: Database, chat: Chat, procedure: str) -> dict[str, str]:
    """Who is reminded, by the copy: chat id -> agent's address ('' when only their chat profile says it).

    In the order of APPROVERS, then the group; in the place of an absent one whoever stands in. Never raises: a group
    that cannot be read is left out.
    """
    copy, group = _copy(chat), settings.group_of(procedure)
    members: frozenset[str] = frozenset()
    standing: tuple[Cover, ...] = ()
    with suppress(DeskError, psycopg.Error):
        members = copy.members(chat, group, COPY_FOR) if group else members
    with suppress(DeskError, psycopg.Error):
        standing = copy.covers(db, COPY_FOR)
    known = _listed(settings, procedure, members)
    running = covers.running(standing, datetime.now(UTC))
    away = {cover.absent for cover in running}
    found: dict[str, str] = {}
    for user, mail in known.items():
        for cover in running:
            if cover.absent == user and cover.delegate not in away:
                found.setdefault(cover.delegate, cover.agent)
        if user not in away:
            found.setdefault(user, mail)
    return found or known  # all of them away, and nobody stands in who is not: then all of them


def decider(settings: Settings, case: Case) -> str:
    """Whoever decided, as colleagues know them: the agent's address, or the chat id of an older decision."""
    user = case.decided_by or ""
    return case.decided_as or settings.approvers_of(case.procedure).get(user, user)


@contextmanager
def readable() -> Iterator[None]:
    """What is refused for good in here keeps everybody from deciding, not only this one: it has a reason of its own."""
    try:
        yield
    except PermanentError as error:
        raise PermanentError("who may decide cannot be read", "approvers", vendor=error.vendor) from None


def _members(chat: Chat, group: str) -> frozenset[str]:
    with readable():
        return retry.read(lambda: chat.group(group))


def _own_mail(chat: Chat, user: str) -> str:
    """The address in this member's chat profile; '' when they have none, or may decide nothing as they are."""
    try:
        person = retry.read(lambda: chat.person(user))
    except PermanentError:
        return ""
    return "" if person.deleted or person.is_bot or person.is_guest else person.email


def _known(settings: Settings, db: Database, chat: Chat, procedure: str, age: float) -> dict[str, str]:
    """Everybody who may decide, from a copy at most `age` seconds old. Raises DeskError, psycopg.Error."""
    copy, group = _copy(chat), settings.group_of(procedure)
    listed = _listed(settings, procedure, copy.members(chat, group, age) if group else frozenset())
    running = covers.running(copy.covers(db, age), datetime.now(UTC))
    return {**{cover.delegate: cover.agent for cover in running if cover.absent in listed}, **listed}


def _listed(settings: Settings, procedure: str, members: frozenset[str]) -> dict[str, str]:
    named = settings.approvers_of(procedure)
    return {**named, **dict.fromkeys(sorted(members - named.keys()), "")}


@dataclass
class _Copy:
    """What was last read by way of one chat client, and when; `None`: it could not be read."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _groups: dict[str, tuple[float, frozenset[str] | None]] = field(default_factory=dict)
    _covers: tuple[float, tuple[Cover, ...]] | None = None

    def members(self, chat: Chat, group: str, age: float) -> frozenset[str]:
        with self._lock:
            at, found = self._groups.get(group, (0.0, None))
        old = time.monotonic() - at
        if found is not None and old <= age:
            return found
        if found is None and at and old <= STRANGER_FOR:
            raise DeskError("the group could not be read a moment ago", "approvers")
        found = None
        try:
            found = chat.group(group)
        finally:
            with self._lock:
                self._groups[group] = (time.monotonic(), found)
        return found

    def covers(self, db: Database, age: float) -> tuple[Cover, ...]:
        with self._lock:
            held = self._covers
        if held is None or time.monotonic() - held[0] > age:
            with db.brief(COVERS_WITHIN) as conn:
                held = (time.monotonic(), covers.standing(conn))
            with self._lock:
                self._covers = held
        return held[1]


_copies: WeakKeyDictionary[Chat, _Copy] = WeakKeyDictionary()
_copies_lock = threading.Lock()


def _copy(chat: Chat) -> _Copy:
    with _copies_lock:
        return _copies.setdefault(chat, _Copy())

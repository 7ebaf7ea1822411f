"""Verbs on the consent ledger: no from receipt on, yes again only for what is named (SOP 000 section 2)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from app import cases, inbox, joins, resumed
from app.cases import Case
from app.clients.types import Audit
from app.consent import ledger, person
from app.db import Connection
from app.ledger.perform import WalkLostError
from app.points import point
from app.settings import CHANNELS
from app.steps.base import Base
from app.texts import Texts
from app.wish import Wish

UNCLEAR = frozenset({"both_tags", "resume_unclear"})
DECIDED = frozenset({"approved", "banning", "verifying", "needs_person"})
PREFERENCE_TEXTS = ("delete", "stop", "ban")


class ConsentSteps(Base):
    def stop_offers(self, case: Case, wish: Wish) -> None:
        """Ban the customer from all offers: the ledger answers no from now on, before any approval (features 0.16).

        A wish that is not clear yet stops what it may mean; when the agent mends it, what was too much is corrected.
        """
        if not self.case.is_open:
            return
        who = self._concerned()
        with self.tools.db.tx() as conn:
            if not self._still_mine(conn, who):
                return
            ledger.sync(
                conn,
                ledger.Said(self.case, self._tagger(), wording(self.tools.texts), self._wished_at()),
                identifiers=who,
                channels=self._stopped(wish),
                reason=ledger.PROVISIONAL if _unclear(wish) else ledger.ASKED,
            )
        point("consent.after_write", "stop")

    def restore_offers(self, case: Case) -> None:
        """The customer withdraws: the channels named (all, when none is) may be used again, whatever case stopped them.

        Consent to calls that comes with it is an entry of its own that names the ticket (features 0.28, 0.30).
        """
        if UNCLEAR & set(self.case.problems):
            return  # nobody knows what the customer wants: the agent asks first
        named, who = self._resumed(), self._surely()
        audits = () if self.due else self.tools.zendesk.audits(self.case.ticket_id)
        told = {channel: self._withdrawal(audits, channel if named else "") for channel in named or CHANNELS}
        with self.tools.db.tx() as conn:
            if not inbox.owns(conn, self.owner.event_id, self.owner.walk):
                raise WalkLostError
            # Whom this ticket's cases have stopped counts too: the number may have been another one then.
            once = ledger.of_case(conn, self.case)
            for channel, (actor, at) in told.items():  # each at its own time: one may have been stopped anew since
                said = ledger.Said(self.case, actor, wording(self.tools.texts), at)
                ledger.lift(conn, said, identifiers=who, once=once, channels=(channel,))
                if channel == "calls" and self._means_calls(named):
                    ledger.consent(conn, said, identifiers=who, channels=("calls",))
        point("consent.after_write", "restore")

    def withdraw_elsewhere(self, case: Case) -> None:
        """The customer's older wishes on other tickets, and what an earlier round has done, are withdrawn with it.

        Each hears of it in an event of its own ticket, once. Source: features 0.28, "finds the running case".
        """
        if UNCLEAR & set(self.case.problems) or not self.case.withdrawal:
            return
        keys = {item.key for item in self._surely()}
        with self.tools.db.tx() as conn:
            if not inbox.owns(conn, self.owner.event_id, self.owner.walk):
                raise WalkLostError
            joins.tell_others(conn, self.case, sorted(keys))

    def _resumed(self) -> tuple[str, ...]:
        """The channels to be used again: what the case has given back, and what its ticket names; (): all of them."""
        given_back = resumed.of_case(self.case)
        if self.due or (self.case.withdrawal and not given_back):
            return given_back  # withdrawn on another ticket, or as a whole: the tags of this one say nothing
        named = {*given_back, *resumed.named(self.ticket(), self.tools.settings)}
        return tuple(channel for channel in CHANNELS if channel in named)

    def _means_calls(self, named: tuple[str, ...]) -> bool:
        """Whether the customer spoke of calls, here: what they never stopped, they have not given consent to either."""
        whole = not self.case.preference or {"delete_all", "stop_all", "stop_calls"} & set(self.case.preference)
        return not self.due and ("calls" in named if named else bool(whole))

    def _still_mine(self, conn: Connection, who: tuple[person.Identifier, ...]) -> bool:
        """Whether the case is still open, its row held; writes down who it is about, by which cases are joined."""
        if not inbox.owns(conn, self.owner.event_id, self.owner.walk):
            raise WalkLostError
        conn.execute("SELECT 1 AS yes FROM cases WHERE id = %s FOR NO KEY UPDATE", (self.case.id,))
        current = cases.load(conn, self.case.id)
        assert current is not None
        persons = tuple(item.key for item in who)
        if current.is_open and persons != current.persons:
            current = cases.move(conn, current, current.state, of={current.state}, persons=persons) or current
        self.case = current
        return current.is_open

    def _identifiers(self) -> tuple[person.Identifier, ...]:
        """The customer as the ticket knows them now: requester's mail and phone, and the contact number."""
        requester, settings = self.requester(), self.tools.settings
        contact = self.ticket().fields.get(settings.fields.get("contact", 0), "")
        phones = [requester.phone, contact if isinstance(contact, str) else ""]
        return person.identifiers(self.tools.vault, phones=phones, mails=[requester.email])

    def _concerned(self) -> tuple[person.Identifier, ...]:
        """Whom the case stops: the customer as the ticket knows them, and as it knew them, where it now names nobody
        (erased in Zendesk, which is what was asked for) or the decision has been made."""
        now = self._identifiers()
        kinds = {item.kind for item in now}
        before = [person.of_key(key) for key in self.case.persons]
        return tuple(sorted({*now, *(one for one in before if self.case.state in DECIDED or one.kind not in kinds)}))

    def _surely(self) -> tuple[person.Identifier, ...]:
        """Whose withdrawal it is. Of two numbers that contradict each other one may be another customer's, who has
        withdrawn nothing; of whom the ticket no longer names, the case knows."""
        now = self._identifiers()
        if len([one for one in now if one.kind == "phone"]) > 1:
            now = tuple(one for one in now if one.kind != "phone")
        elif not now:
            now = tuple(person.of_key(key) for key in self.case.persons)
        return now

    def _stopped(self, wish: Wish) -> tuple[str, ...]:
        """What the wish stops, without what the case has given back by a withdrawal in part."""
        back, settings = self._given_back(), self.tools.settings
        anew = () if back == resumed.of_case(self.case) else resumed.chosen(self.ticket(), settings)
        channels = channels_of({*wish.preference, *self._decided_on(), *anew})
        return tuple(channel for channel in channels if channel not in (*back, ledger.ANY)) if back else channels

    def _given_back(self) -> tuple[str, ...]:
        """Of the channels given back those that still are: the request tagged anew since, without a tag that takes
        the channel back, is the newer wish, and stops it."""
        back, anew = resumed.of_case(self.case), self.case.retagged_at
        if not back or anew is None or anew <= joins.withdrawn_at(self.case):
            return back
        named = resumed.named(self.ticket(), self.tools.settings)
        return tuple(channel for channel in back if channel in named)

    def _decided_on(self) -> tuple[str, ...]:
        """What a card or an approval is about: it stays stopped, also when the ticket says something else by now."""
        return () if self.case.state in ("open", "incomplete") else self.case.preference

    def _wished_at(self) -> datetime:
        """When the wish reached us, or was tagged anew: the newer of a wish and a withdrawal elsewhere counts."""
        return max(self.case.received_at, self.case.retagged_at or self.case.received_at)

    def _withdrawal(self, audits: Sequence[Audit], channel: str) -> tuple[str, datetime]:
        """Who told us of the withdrawal, of this channel or ('') of everything, and when: a later update of the same
        ticket is no newer wish, nor is another channel taken back."""
        names = ("data_deletion_withdrawn", *([f"resume_{channel}"] if channel else []))
        tags = {self.tools.settings.tags[name] for name in names}
        said = [audit for audit in audits if tags & audit.tags_added]
        if said:
            newest = max(said, key=lambda audit: audit.created_at)
            return str(newest.author_id), newest.created_at
        # Withdrawn on another ticket, or a trail that does not say: as the case has it.
        return self._tagger(), joins.withdrawn_at(self.case)

    def _tagger(self) -> str:
        return str(self.case.tagger_id or "unknown")


def channels_of(preference: set[str]) -> tuple[str, ...]:
    """What a preference stops. None known yet, or one that means everything: all channels, and `any` above them."""
    if not preference or preference & {"delete_all", "stop_all"}:
        return ledger.ALL
    return tuple(channel for channel in CHANNELS if f"stop_{channel}" in preference)


def _unclear(wish: Wish) -> bool:
    return any(problem.endswith(":preference") for problem in wish.problems)


def wording(texts: Texts) -> str:
    """Version of the words in which the customer chose: the language, and a hash of the preference lines."""
    lines = [texts.get(f"cards.preference.{name}") for name in PREFERENCE_TEXTS]
    lines.append(texts.get("cards.preference.some", channels="*"))
    return f"{texts.language}:{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:12]}"

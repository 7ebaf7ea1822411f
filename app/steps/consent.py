"""Verbs on the consent ledger: no from receipt on, yes again only for what is named (SOP 000 section 2)."""

from __future__ import annotations

import hashlib
from datetime import datetime

from app import cases, inbox, resumed
from app.cases import Case
from app.consent import ledger, person
from app.db import Connection
from app.ledger.perform import WalkLostError
from app.points import point
from app.settings import CHANNELS
from app.steps.base import Base
from app.texts import Texts
from app.wish import Wish

UNCLEAR = frozenset({"both_tags", "resume_unclear"})
PREFERENCE_TEXTS = ("delete", "stop", "ban")


class ConsentSteps(Base):
    def stop_offers(self, case: Case, wish: Wish) -> None:
        """Ban the customer from all offers: the ledger answers no from now on, before any approval (features 0.16).

        A wish that is not clear yet stops what it may mean; when the agent mends it, what was too much is corrected.
        """
        if not self.case.is_open:
            return
        who = self._identifiers()
        with self.tools.db.tx() as conn:
            if not self._still_mine(conn, who):
                return
            ledger.sync(
                conn,
                case=self.case,
                identifiers=who,
                channels=self._stopped(wish),
                actor=self._tagger(),
                wording=wording(self.tools.texts),
                wished_at=self._wished_at(),
                reason=ledger.PROVISIONAL if _unclear(wish) else ledger.ASKED,
            )
        point("consent.after_write", "stop")

    def restore_offers(self, case: Case) -> None:
        """The customer withdraws: the channels named (all, when none is) may be used again, whatever case stopped them.

        Consent to calls that comes with it is an entry of its own that names the ticket (features 0.28, 0.30).
        """
        if UNCLEAR & set(self.case.problems):
            return  # nobody knows what the customer wants: the agent asks first
        named, who, (actor, wished_at) = self._resumed(), self._identifiers(), self._withdrawal()
        with self.tools.db.tx() as conn:
            if not inbox.owns(conn, self.owner.event_id, self.owner.walk):
                raise WalkLostError
            # Whom this ticket's cases have stopped counts too: the number may have been another one then.
            everyone = tuple(sorted({*who, *ledger.of_case(conn, self.case)}))
            said = {"case": self.case, "actor": actor, "wording": wording(self.tools.texts), "wished_at": wished_at}
            ledger.lift(conn, identifiers=everyone, channels=named or CHANNELS, **said)  # type: ignore[arg-type]  # as above
            if self._means_calls(named):
                ledger.consent(conn, identifiers=who, channels=("calls",), **said)  # type: ignore[arg-type]  # as above
        point("consent.after_write", "restore")

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

    def _stopped(self, wish: Wish) -> tuple[str, ...]:
        """What the wish stops, without what the case has given back by a withdrawal in part."""
        back = resumed.of_case(self.case)
        channels = channels_of({*wish.preference, *self._decided_on()})
        return tuple(channel for channel in channels if channel not in (*back, ledger.ANY)) if back else channels

    def _decided_on(self) -> tuple[str, ...]:
        """What a card or an approval is about: it stays stopped, also when the ticket says something else by now."""
        return () if self.case.state in ("open", "incomplete") else self.case.preference

    def _wished_at(self) -> datetime:
        """When the wish reached us, or was tagged anew: the newer of a wish and a withdrawal elsewhere counts."""
        return max(self.case.received_at, self.case.retagged_at or self.case.received_at)

    def _withdrawal(self) -> tuple[str, datetime]:
        """Who told us of the withdrawal, and when: a later update of the same ticket is no newer wish."""
        names = ("data_deletion_withdrawn", *(f"resume_{channel}" for channel in CHANNELS))
        tags = {self.tools.settings.tags[name] for name in names}
        audits = [] if self.due else [a for a in self.tools.zendesk.audits(self.case.ticket_id) if tags & a.tags_added]
        if audits:
            newest = max(audits, key=lambda audit: audit.created_at)
            return str(newest.author_id), newest.created_at
        # Withdrawn on another ticket, or a trail that does not say: as the case has it.
        at = self.case.withdrawal.get("at")
        return self._tagger(), datetime.fromisoformat(at) if isinstance(at, str) and at else self.case.changed_at

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

"""What all verbs stand on: the case they act for, the parts they use, and the one way to do an effect."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from app import burst, card_numbers, cases, inbox
from app.ahead import Reads
from app.cases import Case
from app.clients.bans import Bans
from app.clients.chat import Chat
from app.clients.types import Jira, Person, Ticket, Zendesk
from app.db import Connection, Database
from app.errors import PermanentError
from app.forget import FORGOTTEN
from app.ledger import store, vendors
from app.ledger.perform import Call, Evidence, Ledger, Outcome, Owner, Plan, WalkLostError
from app.ledger.store import Effect
from app.points import point
from app.settings import Settings
from app.texts import Texts
from app.tokens import Tokens
from app.vault import Vault

# Overtaken ones of these are waited for until their vendor can no longer apply them.
LASTING = ("note", "renew_card", "show_words")
POSTS = ("ask_supervisor", "remind")  # verbs that put a new message into the channel
BUCKETS = {"answer": "answers"}  # other verbs of the chat; all the rest change a message that is there
NOBODY = Person(id=0, name="", email="", phone="", role="", reachable=False)


@dataclass(frozen=True)
class Tools:
    """The desk's parts, joined once in app.desk."""

    settings: Settings
    db: Database
    zendesk: Zendesk
    chat: Chat
    jira: Jira
    texts: Texts
    tokens: Tokens
    vault: Vault
    ledger: Ledger
    bans: Bans | None = None  # the ban's own source; None: JIRA's word is all there is


class Base:
    """One walk of one event for one case. `case` is the row as last read (`began_as`: its state before this walk);
    `outcomes` is what the effects came to.

    `due`: which of the case's timers this walk is about (`reminder:50`); '' when it is about something else.
    `presser`, `presser_as` and `said`: in the walk of a press that counts, who pressed (chat id), the address of the
    agent that they are ('' in a walk that goes on), and what they wrote into the form.
    """

    due = ""
    presser = presser_as = ""
    said: Mapping[str, str] = MappingProxyType({})

    def __init__(self, tools: Tools, owner: Owner, case: Case, reads: Reads | None = None) -> None:
        self.tools = tools
        self.owner = owner
        self.case = case
        self.began_as = case.state
        self.outcomes: list[Outcome] = []
        self._ticket = reads.ticket if reads else None
        self._reads = reads
        self._requester: Person | None = None

    def perform(self, plan: Plan) -> Outcome:
        """Do one effect through the ledger. A waiting or dead one does not stop the others."""
        outcome = self.tools.ledger.perform(self.owner, self.case.id, self._limited(plan))
        self.outcomes.append(outcome)
        if plan.verb == "ask_supervisor" and outcome.reason == vendors.RATE:
            with self.tools.db.tx() as conn:
                burst.notice(conn, self.tools.settings, self.tools.settings.channel_of(self.case.procedure))
        if plan.vendor == "zendesk":
            self._ticket = None  # our own update moved its stamp
        return outcome

    def _limited(self, plan: Plan) -> Plan:
        """A chat may limit each of its methods by itself, and messages a channel (S19-S21); what cannot wait for a
        burst of others goes before them: a threat, a withdrawal."""
        if plan.vendor == self.tools.chat.vendor:
            posts = f"posts:{self.tools.settings.channel_of(self.case.procedure)}"
            plan = replace(plan, bucket=posts if plan.verb in POSTS else BUCKETS.get(plan.verb, "updates"))
        urgent = self.case.procedure == "regulatory_threat" or self.case.state == "withdrawn"
        return replace(plan, urgent=plan.urgent or urgent)

    def move(
        self,
        state: str,
        *,
        of: frozenset[str] | set[str],
        also: Callable[[Connection, Case], None] | None = None,
        **fields: Any,
    ) -> bool:
        """Compare-and-set on the case. False: somebody was first; `case` is then the row as it stands.

        `also`: what must change in the same moment, given the case as moved.
        """
        with self.tools.db.tx() as conn:
            self.still_ours(conn)
            moved = cases.move(conn, self.case, state, of=of, **fields)
            if moved and also:
                also(conn, moved)
            current = moved or cases.load(conn, self.case.id)
        point("case.after_move")
        assert current is not None
        self.case = current
        return moved is not None

    def still_ours(self, conn: Connection) -> None:
        """Raises WalkLostError when another walk has taken this event over; else nobody does within the transaction."""
        if not inbox.owns(conn, self.owner.event_id, self.owner.walk):
            raise WalkLostError

    def clear_up(self, verb: str, newest: str, *, card: int | None = None) -> None:
        """Older effects of a verb that only ever shows the present: never sent ones are overtaken, and one whose answer
        was lost is looked up, so that no row stays open for ever. `card`: only those about this one of the cards."""
        with self.tools.db.tx() as conn:
            rows = [e for e in store.of_case(conn, self.case.id) if e.verb == verb and e.arg != newest]
            rows = [e for e in rows if card is None or card_numbers.number_of(e) == card]
            store.void_planned(conn, [e.id for e in rows])
        for old in rows:
            if old.state in ("sending", "unknown"):
                self.perform(
                    Plan(
                        *(verb, old.arg, old.vendor, frozenset(), never, self.find_old),
                        repeatable=verb not in LASTING,
                        soon=True,  # what closes a card waits for it
                    )
                )

    def find_old(self, effect: Effect) -> Evidence | None:
        """Whether an overtaken effect had reached its vendor after all; only a note leaves a trace of its own."""
        return self.find_audit(effect) if effect.verb == "note" else None

    def find_audit(self, effect: Effect) -> Evidence | None:
        """Our update in the ticket's audit trail, by the op id in its metadata."""
        audits = self.tools.zendesk.audits(self.case.ticket_id)
        return next(({"audit_id": audit.id} for audit in audits if audit.op_id == effect.op_id), None)

    def ticket(self, *, fresh: bool = False) -> Ticket:
        """The ticket as it is now. Read once a walk, and again after each update of ours or when asked."""
        if self._ticket is None or fresh:
            self._ticket = self.tools.zendesk.ticket(self.case.ticket_id)
        return self._ticket

    def requester(self) -> Person:
        """The ticket's requester, read once a walk."""
        if self._requester is None:
            user_id, reads = self.ticket().requester_id, self._reads
            begun = reads.requester if reads and reads.ticket.requester_id == user_id else None
            self._requester = self.person(user_id, read=begun)
        return self._requester

    def person(self, user_id: int | None, *, brief: bool = False, read: Callable[[], Person] | None = None) -> Person:
        """Somebody of the ticket; nobody at all (automations, deleted users) has no address and no number."""
        if not user_id or user_id < 0:
            return NOBODY
        try:
            return read() if read else self.tools.zendesk.person(user_id, brief=brief)
        except PermanentError as error:
            if error.reason != "gone":
                raise
            return NOBODY

    @property
    def ticket_url(self) -> str:
        return f"{self.tools.settings.zendesk_url}/agent/tickets/{self.case.ticket_id}"

    def backoffice_url(self) -> str:
        """The BackOffice link that was on the ticket when the wish was found complete.

        Raises PermanentError (reason `forgotten`) when the case has its details no longer (app.forget).
        """
        link = self.sealed().get("backoffice")
        if link is None:
            raise refuse("zendesk", FORGOTTEN)
        return str(link)

    def sealed(self) -> dict[str, Any]:
        """What the case keeps encrypted: the details of the card that counts and, as `before`, of the one before it; {}
        before the first card, and again when they are forgotten."""
        if self.case.sealed is None:
            return {}
        opened: dict[str, Any] = json.loads(self.tools.vault.open(self.case.sealed, f"case:{self.case.id}"))
        return opened

    def effect_key(self) -> str:
        """Our own key for this case: ids only, safe to show to any member of a workspace."""
        return f"case-{self.case.id}-{self.case.generation}"


def never(effect: Effect) -> Call:
    """Prepared, but never sent: no state of a case allows an overtaken effect."""
    return Call(lambda: {})


def refuse(vendor: str, reason: str) -> PermanentError:
    """An effect that must not be sent as things are; a person mends the cause and replays."""
    return PermanentError("not sent", reason, vendor=vendor)

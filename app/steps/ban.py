"""Verbs on the ban: what JIRA claims, what its source says, and again later (SOP 000, Key Reminder; features 0.9).

A case is done only when each single wish is confirmed: by the ban's source where one is configured, else by JIRA's
word, and then every text says so. What is found untrue later brings the case back to life.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app import cases
from app.bans import customer, schedule, wishes
from app.bans.wishes import DELETION, OFFERS, SOURCE, UNKNOWN_CUSTOMER, Wish
from app.cases import Case
from app.clients import retry
from app.clients.bans import Bans
from app.consent.look import deciding, standing
from app.consent.person import of_key
from app.db import Connection
from app.errors import PermanentError, VendorError
from app.forget import FORGOTTEN
from app.ledger import store
from app.notes import CLAIMED, CONSENT_MACRO, NOT_BANNED, REQUEST_MACRO
from app.points import point
from app.settings import CHANNELS
from app.steps.issue import IssueSteps

SILENT = "info:silent"  # lines of the note: the source does not answer
SETTLED = frozenset({"approved", "banning", "verifying"})  # a newer round in one of these asks for the ban itself
AGAIN = "info:again"  # the issue was done and is no longer
LIFTED = "info:lifted"  # an earlier round's ban does not hold, and a newer round is at it
SECOND = "info:second"  # the customer is to be told that it is done; fixed when the case completes, so once


class BanSteps(IssueSteps):
    def claim_ban(self, case: Case) -> None:
        """JIRA says the ban is done: a claim. It completes the case only when the ban's source agrees.

        Raises VendorError when the source cannot be asked: the case waits.
        """
        if self.case.state == "done":
            self.remark(LIFTED, False)
        if self.case.state not in ("approved", "banning", "verifying", "needs_person"):
            return
        self.ask_wishes()
        with self.tools.db.tx() as conn:
            wishes.claim(conn, self.case.id)
        point("wish.after_write", "claim")
        self._verify()

    def recheck_ban(self, case: Case) -> None:
        """A look that was due: at the JIRA issue (its webhook may have been lost), then at the ban's source.

        Raises VendorError when one of them cannot be asked.
        """
        if self.case.state not in ("done", "verifying", "needs_person") or self._is_outrun():
            return
        status = self.issue_status(self.case.jira_key) if self.case.jira_key else "other"
        if status == "running":
            self.reopen(case)
        elif status == "refused":
            self.hand_to_person(case)
        elif self.case.state == "done":
            self._look_again()
        elif self.case.state == "verifying" or self.case.reason == NOT_BANNED:
            self._verify()

    def confirm_to_customer(self, case: Case) -> None:
        """The second message, once every wish is confirmed, once a case (003; features 3.3)."""
        if self.case.state != "done" or SECOND not in self.case.problems:
            return
        with self.tools.db.each() as conn:
            rows = wishes.of_case(conn, self.case.id)
            effects = store.of_case(conn, self.case.id)
        # The setting may name another macro by now: the message that is out, or on its way, is the one.
        others = [e for e in effects if e.verb == "apply_macro" and e.arg not in (REQUEST_MACRO, CONSENT_MACRO)]
        title = others[0].arg if others else self.tools.settings.completion_macro
        whole = wishes.complete(rows) and any(row.state == "confirmed" for row in rows)
        sent = next((e for e in others if e.state == "done"), None)
        if sent:
            self._macro_tags(sent.arg, sent.evidence)  # the walk that sent it may have ended just then
        elif title and whole:
            self.apply_macro(self.case, title)

    def reopen(self, case: Case) -> None:
        """The JIRA issue is no longer done: the case waits for it again, also after it was complete."""
        self._back("banning", also=self._take_back, reason="", problems=self._lines(add=AGAIN))

    def hand_to_person(self, case: Case) -> None:
        """The support team did not carry it out, or the issue is gone: a person takes over, and the note says why."""
        if self.case.state == "needs_person" and self.case.reason not in CLAIMED:
            return
        known = {"jira_status": ""} if self.issue_ended == "jira_deleted" else {}  # it has none any more
        lines = self._lines(drop=AGAIN)
        self._back("needs_person", also=self._take_back, reason=self.issue_ended, problems=lines, **known)

    # ---- the source

    def _verify(self) -> None:
        """Ask for each wish; complete the case, or say what is missing and look again later."""
        bans = self.tools.bans
        rows = self._wishes()
        if bans is not None and not (self.case.state == "needs_person" and self.case.reason in CLAIMED):
            # The claim's own event names this time of disagreement, so that JIRA is told of it once.
            reason, lines = f"e{self.owner.event_id}", self._lines(drop=AGAIN)
            self.move("verifying", of={"approved", "banning", "needs_person"}, reason=reason, problems=lines)
        nobody_else = [row.wish for row in rows if bans is None or row.wish == DELETION]
        with self.tools.db.tx() as conn:
            wishes.confirm_by_jira(conn, self.case.id, nobody_else)
        point("wish.after_write", "confirm")
        if bans is not None and not self._ask_source(bans):
            self._ask_person()
            return
        rows = self._wishes()
        if wishes.complete(rows):
            self._complete(rows)
        else:
            self._not_yet(rows)

    def _look_again(self) -> None:
        """A complete case, on day 1, 7 or 30: what the source says now decides whether it still is."""
        if self.tools.bans is None:
            return
        if not self._ask_source(self.tools.bans):
            if self.due == schedule.LISTED:  # any other look is one that somebody has replayed
                self._ask_person()
            return
        rows = self._wishes()
        if wishes.complete(rows):
            return
        if self._back("verifying", reason=f"e{self.owner.event_id}"):
            self._not_yet(rows)

    def _ask_source(self, bans: Bans) -> bool:
        """Each channel that is still wished; "all offers" holds when all of them do (0.26 stands above 0.25).

        False: whom to ask about has been forgotten (app.forget), so nobody was asked and nothing is judged.
        """
        self._leave_out_what_is_withdrawn()
        wished = [row.wish for row in self._wishes() if row.state != "withdrawn"]
        channels = [channel for channel in CHANNELS if channel in wished]
        if not channels:
            return True
        if not self.case.sealed:
            return False
        who = self._customer()
        try:
            answer = retry.read(lambda: bans.banned(who, channels)) if who else None
        except VendorError:
            if self.case.is_open:
                self.remark(SILENT, True)
                self.keep_note()
            raise
        self.remark(SILENT, False)
        found: Mapping[str, bool] = answer or dict.fromkeys(channels, False)
        if OFFERS in wished:
            found = {**found, OFFERS: all(found[channel] for channel in channels)}
        with self.tools.db.tx() as conn:
            who_says = SOURCE if answer else UNKNOWN_CUSTOMER
            wishes.judge(conn, self.case.id, found, who_says)
            # The rows keep the last answer; the journal keeps each of them, as evidence.
            store.write(conn, self.case.id, "ban_checked", reason=who_says, event_id=self.owner.event_id, **found)
        point("wish.after_write", "judge")
        return True

    def _ask_person(self) -> None:
        """The ban is to be proved and the desk no longer knows whose it is: a person looks, the note says why."""
        if self.case.reason != FORGOTTEN:
            self._back("needs_person", also=self._stop_looks, reason=FORGOTTEN, problems=self._lines(drop=AGAIN))

    def _leave_out_what_is_withdrawn(self) -> None:
        """A withdrawal on another ticket of the same person: the consent ledger no longer says no, so a ban that has
        been lifted is no fault, and must not be asked for again."""
        persons = [of_key(key).digest for key in self.case.persons]
        with self.tools.db.tx() as conn:
            for channel in CHANNELS:
                entry = deciding(standing(conn, persons, "offers", channel).values())
                if entry is not None and entry.allowed:
                    wishes.withdraw(conn, self.case.id, (channel, OFFERS))

    def _customer(self) -> str:
        """Whom the source is asked about; '' when the ticket's link names nobody."""
        return customer.of_link(self.backoffice_url(), self.tools.settings.backoffice_url, self._external_id)

    def _external_id(self) -> str:
        try:
            return retry.read(self.requester).external_id
        except PermanentError:
            return ""  # the ticket is gone; the link alone has to do

    # ---- what becomes of the case

    def _complete(self, rows: Sequence[Wish]) -> None:
        def looks(conn: Connection, done: Case) -> None:
            schedule.after_completion(conn, done.id, done.closed_at or datetime.now(UTC))

        second = SECOND if self.tools.settings.completion_macro else ""
        self.move(
            "done",
            of={"approved", "banning", "verifying", "needs_person"},
            also=looks,
            reason=SOURCE if any(row.source == SOURCE for row in rows) else "",
            problems=self._lines(add=second, drop=AGAIN),
        )

    def _not_yet(self, rows: Sequence[Wish]) -> None:
        """The source disagrees: JIRA is told once, and it is looked at again; after a week a person takes over."""
        missing = [row for row in rows if row.state == "contradicted" and row.wish != OFFERS]
        if self.case.state == "verifying" and missing:
            unknown = any(row.source == UNKNOWN_CUSTOMER for row in missing)
            part = f"-{self.case.reason}-{'+'.join(row.wish for row in missing)}"
            if unknown:
                self.comment_jira(self.case, "bans.comment.unknown_customer", part=part)
            else:
                names = self.tools.texts.get("cards.channel.comma").join(
                    self.tools.texts.get(f"cards.channel.{row.wish}") for row in missing
                )
                self.comment_jira(self.case, "bans.comment.not_banned", part=part, channels=names)
        if schedule.look_of(self.due) >= schedule.LAST:
            self.move("needs_person", of={"verifying"}, reason=NOT_BANNED)
        with self.tools.db.tx() as conn:
            schedule.next_look(conn, self.case.id, self.due, datetime.now(UTC))

    def _back(self, state: str, *, also: Callable[[Connection, Case], None] | None = None, **fields: Any) -> bool:
        """Back to life: from an open state, or from done when no newer round has taken this one's place."""
        if self.case.state != "done":
            return self.move(state, of={"approved", "banning", "verifying", "needs_person"}, also=also, **fields)
        if self._is_outrun():
            return False
        with self.tools.db.tx() as conn:
            newest = cases.latest(conn, self.case.ticket_id, self.case.procedure)
        if newest and newest.id != self.case.id:  # declined: its tag is no reason for one more round
            fields["tag_audit_id"] = newest.tag_audit_id
        return self.move(state, of={"done"}, also=also, **fields)

    def _is_outrun(self) -> bool:
        """Whether a newer round of the ticket decides by now. This one only says so while that one is open."""
        with self.tools.db.tx() as conn:
            newer = cases.outrun(conn, self.case)
            if newer and newer.is_open and newer.state not in SETTLED:
                schedule.postpone(conn, self.case.id, self.due, datetime.now(UTC))  # it may still be declined
            elif newer:
                schedule.stop(conn, self.case.id)
        if self.case.state == "done":
            self.remark(LIFTED, bool(newer and newer.is_open))
        return newer is not None

    def _take_back(self, conn: Connection, moved: Case) -> None:
        wishes.unclaim(conn, moved.id)
        self._stop_looks(conn, moved)

    def _stop_looks(self, conn: Connection, moved: Case) -> None:
        schedule.stop(conn, moved.id)

    def _lines(self, *, add: str = "", drop: str = "") -> tuple[str, ...]:
        """The note's lines, with and without these; a source that was silent has spoken."""
        kept = tuple(line for line in self.case.problems if line not in (add, drop, SILENT))
        return (*kept, add) if add else kept

    def _wishes(self) -> tuple[Wish, ...]:
        with self.tools.db.each() as conn:
            return wishes.of_case(conn, self.case.id)

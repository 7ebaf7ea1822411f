"""Verbs on JIRA, and on the end of a case: open the issue, link and comment it, complete, hand to a person."""

from __future__ import annotations

from app import sinks
from app.bans import wishes
from app.cards import STATUS_LIMIT
from app.cases import OPEN_STATES, Case
from app.clients import retry
from app.clients.types import Issue
from app.errors import PermanentError
from app.issue_text import jira_request
from app.ledger import store
from app.ledger.perform import Call, Evidence, Outcome, Plan
from app.ledger.store import Effect
from app.points import point
from app.steps.base import never
from app.steps.chat import ChatSteps

LABEL = "desk-"
ASK = "ban_from_all_offers"


class IssueSteps(ChatSteps):
    issue_ended = ""  # how JIRA closed the issue without doing it: its resolution's name, or `jira_deleted`

    def open_jira(self, case: Case) -> Outcome:
        """SOP section 3: one issue for the JIRA Support Team, found again by its label; linked to the ticket."""
        self.ask_wishes()
        outcome = self.perform(
            Plan(
                verb="open_jira",
                arg=ASK,
                vendor="jira",
                states=frozenset({"approved"}),
                prepare=lambda effect: Call(lambda: self._create(effect)),
                find=self._find_issue,
                yields=True,
            )
        )
        self._opened(outcome)
        return outcome

    def ask_wishes(self) -> None:
        """From here on each single wish has a row of its own and needs its own proof (SOP section 1)."""
        with self.tools.db.tx() as conn:
            wishes.ask(conn, self.case.id, self.case.preference)
        point("wish.after_write", "ask")

    def issue_status(self, key: str) -> str:
        """`done`, `refused`, `running`, or `other` (somebody else's issue, or a clone of ours), from JIRA as it is now.

        Learns the key when our create's answer was lost, and the new one of an issue that was moved to another project:
        JIRA answers to both, and its id stays. Raises VendorError when JIRA cannot be asked.
        """
        try:
            issue = retry.read(lambda: self.tools.jira.issue(key))
        except PermanentError as error:
            if error.reason != "gone":
                raise
            self.issue_ended = "jira_deleted"
            return "refused" if self.case.jira_key == key else "other"
        if self.case.jira_key is None:
            self.adopt_issue(issue)
        elif self.case.jira_key != issue.key and issue.id == self._issue_id():
            self.move(self.case.state, of={self.case.state}, jira_key=issue.key)
        if self.case.jira_key != issue.key:
            return "other"
        self._note_status(issue)
        if issue.category != "done":
            return "running"
        good = {"", *(name.casefold() for name in self.tools.settings.jira_done_resolutions)}
        self.issue_ended = sinks.shown(issue.resolution, STATUS_LIMIT)
        return "done" if issue.resolution.casefold() in good else "refused"

    def _note_status(self, issue: Issue) -> None:
        """What JIRA calls the issue's status, for the card: it decides nothing."""
        status = sinks.shown(issue.status, STATUS_LIMIT)
        if status and status != self.case.jira_status:
            self.move(self.case.state, of={self.case.state}, jira_status=status)

    def _issue_id(self) -> str:
        """The issue's own id, which no move changes."""
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        opened = next((e for e in effects if e.verb == "open_jira" and e.state == "done"), None)
        return str(opened.evidence.get("id", "")) if opened else ""

    def adopt_issue(self, issue: Issue) -> None:
        """JIRA told us of our issue before our create's answer came, or after it was lost: that is the proof."""
        op_ids = {label.removeprefix(LABEL) for label in issue.labels if label.startswith(LABEL)}
        outcome = self.tools.ledger.adopt(self.case.id, "open_jira", ASK, op_ids, _evidence(issue))
        if outcome:
            self._opened(outcome)

    def _opened(self, outcome: Outcome) -> None:
        key = outcome.evidence.get("key")
        if outcome.done and isinstance(key, str):
            if not self.move("banning", of={"approved"}, jira_key=key) and self.case.jira_key is None:
                self.move(self.case.state, of={self.case.state}, jira_key=key)
            self._link(key)
            self.undo_in_jira(self.case)  # withdrawn meanwhile: JIRA must be told

    def undo_in_jira(self, case: Case) -> None:
        """JIRA is told once of what to undo."""
        if self.case.state == "withdrawn":
            self.comment_jira(self.case, "withdrawn")

    def _create(self, effect: Effect) -> Evidence:
        summary, description = jira_request(
            self.tools.texts,
            wish=self.case.preference,
            ticket_id=self.case.ticket_id,
            backoffice_url=self.backoffice_url(),
        )
        issue = self.tools.jira.create(label=f"{LABEL}{effect.op_id}", summary=summary, description=description)
        return _evidence(issue)

    def _find_issue(self, effect: Effect) -> Evidence | None:
        found = self.tools.jira.find(f"{LABEL}{effect.op_id}")
        return _evidence(found[0]) if found else None

    def _link(self, key: str) -> None:
        """The issue points back at the ticket: an upsert by our own id, so it may be repeated."""
        if not self.tools.settings.jira_ticket_link:
            return  # the ticket's address is for customer service only (SOP 000 section 2, "CS Only")

        def call(effect: Effect) -> Call:
            title = self.tools.texts.get("jira.link.title", ticket_id=self.case.ticket_id)

            def send() -> Evidence:
                try:
                    self.tools.jira.link(key, global_id=f"{LABEL}{effect.op_id}", url=self.ticket_url, title=title)
                except PermanentError as error:
                    return {"unlinked": error.reason}  # a convenience: the issue names the ticket anyway
                return {"key": key}

            return Call(send)

        states = frozenset({"banning", "verifying", "done", "needs_person"})
        self.perform(Plan("link_jira", key, "jira", states, call, lambda effect: None, repeatable=True))

    def _find_lost_issue(self) -> None:
        """An issue whose create was not answered is looked up; a create that was not sent yet is not sent any more."""
        if self.case.jira_key is not None:
            return
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        for effect in effects:
            if effect.verb == "open_jira" and effect.state not in ("dead", "void"):
                self._opened(self.perform(Plan("open_jira", effect.arg, "jira", frozenset(), never, self._find_issue)))

    def comment_jira(self, case: Case, text: str, *, part: str = "", **values: str) -> Outcome | None:
        """One comment on the case's issue; None when there is no issue.

        `text`: a text's whole key, or the name of a `jira.comment.*`. `part`: tells two comments of one text apart.
        """
        self._find_lost_issue()
        key = self.case.jira_key
        if key is None:
            return None
        text_key = text if "." in text else f"jira.comment.{text}"
        body = sinks.jira_wiki(self.tools.texts.get(text_key, ticket_id=self.case.ticket_id, **values), 4000)

        def find(effect: Effect) -> Evidence | None:
            comment = self.tools.jira.find_comment(key, effect.op_id)
            return {"comment": comment} if comment else None

        def prepare(effect: Effect) -> Call:
            return Call(lambda: {"comment": self.tools.jira.comment(key, body, op_id=effect.op_id)})

        states = OPEN_STATES | {"withdrawn", "done"}
        return self.perform(
            Plan("comment_jira", self._comment_arg(f"{text}{part}", key), "jira", states, prepare, find)
        )

    def _comment_arg(self, what: str, key: str) -> str:
        """`<what>:<key>`, with the key of when it was planned: the issue may have been moved since."""
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        before = (e.arg for e in effects if e.verb == "comment_jira" and e.arg.rpartition(":")[0] == what)
        return next(before, f"{what}:{key}")


def _evidence(issue: Issue) -> Evidence:
    return {"key": issue.key, "id": issue.id}

"""Who has to do with a case and so may not decide it: who tagged, who is assigned, who asked (faults D5, S015)."""

from __future__ import annotations

from dataclasses import dataclass

from app import joins
from app.steps.base import Base


@dataclass(frozen=True)
class Involved:
    """Zendesk user ids, and keyed hashes of e-mail addresses; of those who were involved earlier only the hashes."""

    ids: frozenset[int]
    mails: frozenset[str]


class InvolvedSteps(Base):
    def involved(self) -> Involved:
        """As the ticket is at this moment, and as it was when the card was posted; whoever has ever put the request's
        tag on it; and the same people of the tickets that have joined this one. Raises VendorError: nobody can say."""
        tag, ticket = self.tools.settings.tags["data_deletion_request"], self.ticket()
        taggers = {a.author_id for a in self.tools.zendesk.audits(self.case.ticket_id) if tag in a.tags_added}
        staff = {*taggers, self.case.tagger_id, ticket.assignee_id} - {None, ticket.requester_id}
        mails = {self.requester().email, *(self.person(person, brief=True).email for person in staff)}
        with self.tools.db.each() as conn:
            joined = {mail for case in joins.following(conn, self.case.id) for mail in case.barred}
        return Involved(
            frozenset(number for number in {*staff, ticket.requester_id} if number and number > 0),
            frozenset({*self.case.barred, *joined, *(self.tools.vault.digest("mail", mail) for mail in mails if mail)}),
        )

"""A press proposes, the case row decides: who may, whether it is still open, and one compare-and-set for all of it.

Every press gets an answer, whoever pressed and whatever became of it. Source: bad-inputs group S, faults.md D1-D8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app import answers, cards, cases, inbox, joins, presser, registry, resumed, votes
from app.clients import retry
from app.errors import PermanentError, VendorError
from app.events import ButtonPressed
from app.inbox import Stored
from app.ledger.perform import Owner, WalkLostError
from app.notes import TICKET_GONE
from app.points import point
from app.presser import Identity
from app.registry import Button
from app.steps import Steps, make

if TYPE_CHECKING:
    from app.walk import Verdict, Walker

VOTED = ("first_of_two", "voted_already")  # told to somebody whose answer counts, but does not decide yet


def owner(stored: Stored) -> Owner:
    """The walk that owns this event now."""
    return Owner(stored.id, stored.walk, stored.replayed_at)


def press(walker: Walker, stored: Stored, event: ButtonPressed, seen: list[Steps]) -> Verdict:
    """One press: refuse it with an answer, or decide with it and let the handler's section go on."""
    from app.walk import Verdict

    with walker.desk.db.tx() as conn:
        case = cases.load(conn, event.case_id)
    button = registry.for_button(event.card, event.action)
    if case is None or button is None:
        return answers.answer_alone(walker.tools, stored, "no_such_case")
    do = make(walker.tools, owner(stored), case)
    seen.append(do)
    if case.chat_ts is None and event.channel == walker.tools.settings.channel_of(case.procedure):
        # The press itself says where the card is, should our own record of it be missing.
        do.move(case.state, of={case.state}, chat_channel=event.channel, chat_ts=event.ts)
    told = _told(walker, do, stored, event, button)
    if told:
        if told == "changed_since" and do.case.state == "awaiting":
            retry.read(lambda: do.changed_since(event.seen))  # told in an earlier walk, which may not have come further
        verdict = walker.conclude(do)  # a card that still shows buttons is repaired there
        counts = told in VOTED or told.startswith("recorded_")
        return verdict if counts or verdict.state != "done" else Verdict("ignored", told, case.id)
    # This press counts, now or since a walk that did not come to its end.
    do.presser, do.said = event.user, walker.desk.said(stored)
    button.section(do.case, do)
    return walker.conclude(do)


def _told(walker: Walker, do: Steps, stored: Stored, event: ButtonPressed, button: Button) -> str:
    """Judge the press and tell its presser. '' when it counts; else the key of what they were told."""
    decided_here = do.case.decision_event == stored.id
    answer = answers.before(do, stored, do.case.decided_at if decided_here else stored.replayed_at)
    asked_here = do.case.asked.get("event") == stored.id or answer.key == "recorded_ask"
    # An earlier walk of this press has decided with it, or taken its question: then it goes on.
    counted = asked_here if button.state == registry.ASKED else decided_here
    try:
        told = "" if counted else answer.stands or _judge(walker, do, stored, event, button)
    except PermanentError as error:
        # The ticket or the people cannot be read for good (deleted, forbidden): nothing is decided, and the presser
        # is told before the event ends dead.
        unknown = error.reason == "approvers"
        answers.tell(do, event, answer, answers.OPEN_END if unknown else "no_longer_open")
        raise
    except VendorError as error:
        if not stored.failures and error.vendor != do.tools.chat.vendor:
            answers.tell_it_waits(do, event)
        raise
    answers.tell(do, event, answer, told or f"recorded_{event.action}")
    return told


def _judge(walker: Walker, do: Steps, stored: Stored, event: ButtonPressed, button: Button) -> str:
    """'' when this press counts, and has decided the case if it is one that decides; else the key of an answer."""
    tools = walker.tools
    voting = tools.settings.threat_two_persons and do.case.procedure == "regulatory_threat"
    if voting and (told := _voted(do, stored, event)):
        return told
    found = _allowed(walker, do, stored, event)
    if isinstance(found, str):
        return found
    do.presser_as = found.agent.email
    if button.state == registry.ASKED:
        return "" if walker.desk.said(stored).get("question") else "form_failed"
    if event.action == "decline" and event.seen and not event.choice:
        return "form_failed"  # the door did not know yet that they may decide; only older releases' cards had no form
    if voting:
        return _vote(do, stored, event, button, found)
    decided = do.move(button.state, of={"awaiting"}, **_decision(stored, event, found))
    return "" if decided else "already_decided"


def _allowed(walker: Walker, do: Steps, stored: Stored, event: ButtonPressed) -> Identity | str:  # noqa: PLR0911 - one a reason
    """Who decides; or why this person may not decide this case as it stands, as the key of an answer.

    Raises VendorError of the kinds that wait when somebody cannot be asked: fail closed.
    """
    tools, case = walker.tools, do.case
    person = presser.find(tools, case.procedure, event, walker.team())
    if isinstance(person, str):
        return person
    if case.state != "awaiting" or case.generation != event.generation:
        taken_back = case.state == "incomplete" and case.generation == event.generation
        return "already_decided" if case.decision else "changed_since" if taken_back else "no_longer_open"
    if do.newer_words(stored.received_at):
        return "newer_words"  # whoever pressed has not seen them: a threat would be closed unread
    # The ticket as it is at this moment: a withdrawal may be on it that has not come in yet, and who has tagged or is
    # assigned may have changed since the card was posted. When it cannot be read, nothing is decided: the press waits.
    try:
        ticket = retry.read(lambda: do.ticket(fresh=True))
    except PermanentError as error:
        if error.reason != "gone":
            raise
        # Somebody deleted the ticket. The wish stands: a person looks, and the card keeps nobody's name meanwhile.
        do.move("needs_person", of={"awaiting"}, reason=TICKET_GONE)
        return "no_longer_open"
    if case.procedure == "data_deletion" and resumed.pending(ticket, case, tools.settings):
        return "no_longer_open"
    if "resume_unclear" in case.problems or _withdrawn_elsewhere(walker, do):
        return "no_longer_open"  # on another ticket of the same person: it is carried out, or asked about, first
    if do.changed_since(event.seen):
        return "changed_since"
    return presser.identify(do, person)


def _withdrawn_elsewhere(walker: Walker, do: Steps) -> bool:
    with walker.desk.db.tx() as conn:
        return joins.untold(conn, do.case)


def _decision(stored: Stored, event: ButtonPressed, identity: Identity) -> dict[str, Any]:
    """What the one compare-and-set writes beside the state."""
    chosen = event.choice if event.choice in cards.REASONS else cards.UNSPECIFIED
    return {
        "decision": event.action,
        "decided_by": event.user,
        "decided_as": identity.agent.email,
        "decision_event": stored.id,
        "reason": chosen if event.action == "decline" else "",
    }


def _voted(do: Steps, stored: Stored, event: ButtonPressed) -> str | None:
    """What is told to whoever voted with this press in a walk that did not come to its end; None: nobody has."""
    with do.tools.db.tx() as conn:
        told = votes.told(conn, do.case, stored.id)
    if told is None or do.case.state == "awaiting":
        return told
    return f"recorded_{event.action}" if do.case.decision == event.action else "already_decided"


def _vote(do: Steps, stored: Stored, event: ButtonPressed, button: Button, identity: Identity) -> str:
    """Two persons' same answer decides, in one transaction with the compare-and-set; as `_judge`."""
    with do.tools.db.tx() as conn:
        if not inbox.owns(conn, stored.id, stored.walk):
            raise WalkLostError
        row, told = cases.lock(conn, do.case.id), "already_decided"
        if row.state == "awaiting":
            point("vote.before_write")
            accounts = identity.accounts(do.tools.vault)
            agreed = votes.cast(conn, row, stored.id, accounts=accounts, chat_user=event.user, action=event.action)
            told = "" if agreed else votes.told(conn, row, stored.id) or ""
        if not told:
            row = cases.move(conn, row, button.state, of={"awaiting"}, **_decision(stored, event, identity)) or row
    point("vote.after_write")
    do.case = row
    return told

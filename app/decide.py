"""A press proposes, the case row decides: who may, whether it is still open, and one compare-and-set for all of it.

Every press gets an answer, whoever pressed and whatever became of it. Source: bad-inputs group S, faults.md D1-D8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from app import approvers, cards, cases, inbox, joins, presser, registry, resumed, votes
from app.clients import retry
from app.errors import PermanentError
from app.events import ButtonPressed
from app.inbox import Stored
from app.ledger.perform import Owner, WalkLostError
from app.notes import local
from app.points import point
from app.presser import Identity
from app.registry import Button
from app.steps import Steps, make
from app.steps.base import Tools

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
        return Verdict("ignored", "no_such_case")
    do = make(walker.tools, owner(stored), case)
    seen.append(do)
    if case.chat_ts is None and event.card:
        # The press itself says where the card is, should our own record of it be missing.
        do.move(case.state, of={case.state}, chat_channel=event.channel, chat_ts=event.ts)
    try:
        told = "" if _counted(do, stored, button) else _judge(walker, do, stored, event, button)
    except PermanentError as error:
        # The ticket or the people cannot be read for good (deleted, forbidden): nothing is decided, and the presser
        # is told before the event ends dead.
        _answer(do, event, stored, "cannot_check" if error.reason == "approvers" else "no_longer_open")
        raise
    if told:
        _answer(do, event, stored, told)
        verdict = walker.conclude(do)  # a card that still shows buttons is repaired there
        counts = told in VOTED or told.startswith("recorded_")
        return verdict if counts or verdict.state != "done" else Verdict("ignored", told, case.id)
    # This press counts, now or since a walk that did not come to its end.
    do.presser, do.said = event.user, walker.desk.said(stored)
    _answer(do, event, stored, f"recorded_{event.action}")
    button.section(do.case, do)
    return walker.conclude(do)


def _counted(do: Steps, stored: Stored, button: Button) -> bool:
    """Whether an earlier walk of this press has decided with it, or asked its question: then it goes on."""
    asked = button.state == registry.ASKED and do.case.asked.get("event") == stored.id
    return asked or do.case.decision_event == stored.id


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
    ticket = retry.read(lambda: do.ticket(fresh=True))
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


def _answer(do: Steps, event: ButtonPressed, stored: Stored, key: str) -> None:
    values: dict[str, str] = {}
    if key == "already_decided" and do.case.decision:
        zone = ZoneInfo(do.tools.settings.desk_time_zone)
        values = {
            "what": do.tools.texts.get(f"answers.what.{do.case.decision}"),
            "who": approvers.decider(do.tools.settings, do.case),
            "when": local(do.case.decided_at, zone),
        }
    elif key == "already_decided":
        key = "no_longer_open"
    do.answer(event.user, key, event_id=stored.id, **values)


def answer_refused(tools: Tools, stored: Stored) -> Verdict:
    """A forged or expired button: nothing happens, and the presser is told. Belongs to no case, so to no ledger."""
    from app.walk import Verdict

    reason = str(stored.detail.get("refused", ""))
    key = {"token_expired": "expired", "slow_down": "slow_down"}.get(reason, "not_valid")
    user, settings = str(stored.detail.get("user", "")), tools.settings
    usual = settings.channel_of("data_deletion")
    ours = {usual, settings.channel_of("regulatory_threat")}
    channel = str(stored.detail.get("channel", ""))
    text = tools.texts.get(f"answers.{key}")
    try:
        tools.chat.answer(user, text, channel=channel if channel in ours else usual)
    except PermanentError as error:
        return Verdict("ignored", f"{reason}:{error.reason}")  # nobody there to tell
    return Verdict("ignored", reason)

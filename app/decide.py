"""A press proposes, the case row decides: who may, whether it is still open, and one compare-and-set for all of it.

Every press gets an answer, whoever pressed and whatever became of it. Source: bad-inputs group S, faults.md D1-D8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app import cards, cases, joins, registry, resumed
from app.clients import retry
from app.errors import PermanentError
from app.events import ButtonPressed
from app.inbox import Stored
from app.ledger.perform import Owner
from app.notes import local
from app.steps import Steps, make
from app.steps.base import Tools

if TYPE_CHECKING:
    from app.walk import Verdict, Walker


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
    if case.decision_event != stored.id:
        try:
            refusal = _refusal(walker, do, stored, event)
        except PermanentError:
            # The ticket or the people cannot be read for good (deleted, forbidden): nothing is decided, and the presser
            # is told before the event ends dead.
            _answer(do, event, stored, "no_longer_open")
            raise
        if refusal is None and not _decide(do, stored, event, button.state):
            refusal = "already_decided"
        if refusal:
            _answer(do, event, stored, refusal)
            verdict = walker.conclude(do)  # a card that still shows buttons is repaired there
            return verdict if verdict.state != "done" else Verdict("ignored", refusal, case.id)
    # This press decided, now or in a walk that did not come to its end.
    _answer(do, event, stored, f"recorded_{event.action}")
    button.section(do.case, do)
    return walker.conclude(do)


def _refusal(walker: Walker, do: Steps, stored: Stored, event: ButtonPressed) -> str | None:  # noqa: PLR0911 - one a reason
    """Why this person may not decide this case, as the key of an answer; None when they may.

    Raises VendorError of the kinds that wait when somebody cannot be asked: fail closed.
    """
    tools = walker.tools
    agent = tools.settings.approvers_of(do.case.procedure).get(event.user)
    if agent is None:
        return "not_an_approver"
    if event.channel != tools.settings.channel_of(do.case.procedure) or event.team != (walker.team() or event.team):
        return "wrong_place"
    if not _is_active(tools, event):
        return "not_active"
    case = do.case
    if case.state != "awaiting" or case.generation != event.generation:
        return "already_decided" if case.decision else "no_longer_open"
    if do.newer_words(stored.received_at):
        return "newer_words"  # whoever pressed has not seen them: a threat would be closed unread
    # The ticket as it is at this moment: a withdrawal may be on it that has not come in yet, and who has tagged or is
    # assigned may have changed since the card was posted. When it cannot be read, nothing is decided: the press waits.
    ticket = retry.read(lambda: do.ticket(fresh=True))
    if case.procedure == "data_deletion" and resumed.pending(ticket, case, tools.settings):
        return "no_longer_open"
    if "resume_unclear" in case.problems or _withdrawn_elsewhere(walker, do):
        return "no_longer_open"  # on another ticket of the same person: it is carried out, or asked about, first
    if tools.vault.digest("mail", agent) in retry.read(do.barred_now):
        return "self_approval"
    return None


def _withdrawn_elsewhere(walker: Walker, do: Steps) -> bool:
    with walker.desk.db.tx() as conn:
        return joins.untold(conn, do.case)


def _is_active(tools: Tools, event: ButtonPressed) -> bool:
    """A full member of our workspace, as chat says now; whom chat does not know is not one."""
    try:
        person = retry.read(lambda: tools.chat.person(event.user, channel=event.channel))
    except PermanentError:
        return False
    return (
        not (person.is_bot or person.deleted or person.is_guest)
        and person.in_channel
        and person.team_id in ("", event.team)
    )


def _decide(do: Steps, stored: Stored, event: ButtonPressed, state: str) -> bool:
    """The one compare-and-set. True: this press decided the case."""
    return do.move(
        state,
        of={"awaiting"},
        decision=event.action,
        decided_by=event.user,
        decision_event=stored.id,
        reason=_reason(event) if event.action == "decline" else "",
    )


def _reason(event: ButtonPressed) -> str:
    return event.choice if event.choice in cards.REASONS else cards.UNSPECIFIED


def _answer(do: Steps, event: ButtonPressed, stored: Stored, key: str) -> None:
    values: dict[str, str] = {}
    if key == "already_decided" and do.case.decision:
        zone = ZoneInfo(do.tools.settings.desk_time_zone)
        values = {
            "what": do.tools.texts.get(f"answers.what.{do.case.decision}"),
            "who": do.case.decided_by or "",
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

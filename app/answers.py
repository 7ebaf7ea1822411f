"""What a presser is told: every press gets one answer, and what somebody was told holds.

A press that "changed nothing" must not decide when its walk starts again after a crash; only a replay judges it anew,
and then its presser is told anew. Source: bad-inputs S018-S020, S027; faults D2, D6.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app import approvers
from app.errors import PermanentError, VendorError
from app.events import ButtonPressed
from app.inbox import Stored
from app.ledger import store
from app.ledger.store import Effect
from app.notes import local
from app.steps import Steps
from app.steps.base import Tools

if TYPE_CHECKING:
    from app.walk import Verdict

OPEN_END = "cannot_check"  # told to somebody whose press may be taken up again


@dataclass(frozen=True)
class Answer:
    """The answer to one press, as far as it has come. `key` of answers.toml: '' while nobody has been told anything."""

    event_id: int
    effects: tuple[Effect, ...]
    key: str

    @property
    def stands(self) -> str:
        """What this press came to, when its presser was told; '' when it is still to be judged."""
        return "" if self.key == OPEN_END else self.key

    def arg(self, key: str) -> str:
        """The effect that tells this: the last one, or the next when that has told something that holds no more."""
        last = self.effects[-1] if self.effects else None
        over = last is not None and last.state == "done" and key != self.key and self.key in ("", OPEN_END)
        return f"{self.event_id}:{len(self.effects) + 1}" if over else last.arg if last else str(self.event_id)


def before(do: Steps, stored: Stored, since: datetime | None) -> Answer:
    """What the presser has been told, or may have been, in earlier walks; after `since`, when what is older is over."""
    with do.tools.db.tx() as conn:
        effects = store.of_case(conn, do.case.id)
    mine = tuple(e for e in effects if e.verb == "answer" and e.arg.partition(":")[0] == str(stored.id))
    return Answer(stored.id, mine, _key(mine, since))


def _key(effects: Sequence[Effect], since: datetime | None) -> str:
    if not effects or effects[-1].state not in ("sending", "unknown", "done"):
        return ""
    last = effects[-1]
    over = since is not None and last.done_at is not None and last.done_at < since
    return "" if over else str(last.evidence.get("key", ""))


def tell(do: Steps, event: ButtonPressed, answer: Answer, key: str) -> None:
    """Tell the presser, once. `already_decided` of a case that nobody has decided is `no_longer_open`."""
    values: dict[str, str] = {}
    if key == "already_decided" and not do.case.decision:
        key = "no_longer_open"
    if key == "already_decided":
        zone = ZoneInfo(do.tools.settings.desk_time_zone)
        values = {
            "what": do.tools.texts.get(f"answers.what.{do.case.decision}"),
            "who": approvers.decider(do.tools.settings, do.case),
            "when": local(do.case.decided_at, zone),
        }
    do.answer(event.user, key, arg=answer.arg(key), **values)


def tell_it_waits(do: Steps, event: ButtonPressed) -> None:
    """Somebody cannot be asked just now. Best effort, and no effect of the case: the answer itself is still to come."""
    text, channel = do.tools.texts.get("answers.recorded_waiting"), do.tools.settings.channel_of(do.case.procedure)
    with suppress(VendorError):
        do.tools.chat.answer(event.user, text, channel=channel, about=str(do.owner.event_id))


def answer_refused(tools: Tools, stored: Stored) -> Verdict:
    """A forged or expired button: nothing happens, and the presser is told."""
    return answer_alone(tools, stored, str(stored.detail.get("refused", "")))


def answer_alone(tools: Tools, stored: Stored, reason: str) -> Verdict:
    """Tell the presser of a press that belongs to no case, and so to no ledger, why nothing comes of it."""
    from app.walk import Verdict

    keys = {"token_expired": "expired", "slow_down": "slow_down", "no_such_case": "no_longer_open"}
    key = keys.get(reason, "not_valid")
    user, settings = str(stored.detail.get("user", "")), tools.settings
    usual = settings.channel_of("data_deletion")
    ours = {usual, settings.channel_of("regulatory_threat")}
    channel = str(stored.detail.get("channel", ""))
    text = tools.texts.get(f"answers.{key}")
    try:
        channel = channel if channel in ours else usual
        tools.chat.answer(user, text, channel=channel, about=str(stored.id))
    except PermanentError as error:
        return Verdict("ignored", f"{reason}:{error.reason}")  # nobody there to tell
    return Verdict("ignored", reason)

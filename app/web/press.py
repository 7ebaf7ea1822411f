"""What every chat does with a press once it is authentic: not too fast, a form if it needs one, else recorded.

The chats differ in how they tell the presser: that is each door's own. Every press gets an answer, and none says more
than is true at that moment. Source: facts S11, S16; bad-inputs S022, S027, S031, M003, M016-M020.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app import forms, trace
from app.events import ButtonPressed, Refused, Sender
from app.parse import Pressed, Sent
from app.tokens import Tokens
from app.web.door import Door
from app.web.guard import Presses

PRESS_WITHIN = 1.0  # seconds for recording: Mattermost is answered in two (M020), Slack in three (S11)
REFUSALS = {
    "token_forged": "not_valid",
    "wrong_channel": "not_valid",
    "not_our_post": "not_valid",
    "token_expired": "expired",
    "slow_down": "slow_down",
}
Found = Pressed | Sent | Refused
Check = Callable[[Pressed], str]


@dataclass(frozen=True)
class Heard:
    """What became of a press. `outcome`: the key of answers.toml that says it, or one of

    `form` (it is open now), `wrong` (the form must be filled in again: field -> key of forms.toml), `ignored` (nobody
    is told). `recorded`: False when nothing is known to be in the store, and the sender must not think so.
    """

    outcome: str
    recorded: bool = True
    wrong: Mapping[str, str] = field(default_factory=dict)


class Pressing:
    """One chat's presses, whichever way they come in. `sender`: whose they are."""

    def __init__(self, door: Door, sender: Sender) -> None:
        settings = door.settings
        self.tokens = Tokens(settings.secret_key.get_secret_value(), settings.approval_life)
        self._door, self._sender = door, sender
        self._presses = Presses()
        self._opened = Once()

    def take(self, found: Found, now: float, check: Check | None = None) -> Heard:
        """Refuse, open a form or record. `check`: the last question before a press counts: '' for yes, else
        `cannot_verify`, or the reason of a refusal."""
        if isinstance(found, Sent):
            return Heard("wrong", wrong=found.wrong) if found.wrong else self._record(found.event)
        where = place(found)
        fact = found.fact if isinstance(found, Refused) else found.event.fact
        slow = self._presses.take(":".join(where.values()), fact, now) if where else ""
        if slow:
            return self._refuse(Refused(fact, "ignored", slow, detail={**where}))
        if isinstance(found, Refused):
            return self._refuse(found)
        wrong = check(found) if check else ""
        if wrong == "cannot_verify":
            return Heard(wrong, recorded=False)
        if wrong:
            return self._refuse(Refused(f"refused:{fact}", "ignored", wrong, detail={**where}))
        return self._open(found) if self._wants_form(found) else self._record(found.event)

    def may_try(self, event: ButtonPressed) -> bool:
        """Whether the presser may decide, as far as can be told quickly; False where no chat is there to ask."""
        door = self._door
        return door.tell is not None and door.desk.may_try(event.card, event.user, door.tell.chat)

    def _refuse(self, refused: Refused) -> Heard:
        if REFUSALS.get(refused.reason) == "not_valid":
            self._door.alarm(self._sender, refused.reason)
        kept = self._door.record(self._sender, refused, PRESS_WITHIN) in ("new", "duplicate")
        return Heard(REFUSALS.get(refused.reason, "ignored"), recorded=kept)

    def _wants_form(self, found: Pressed) -> bool:
        """A form for whoever may decide; all others get the worker's answer why not. A reason picked in the menu of an
        older release's card decides at once."""
        event, settings = found.event, self._door.settings
        needs = event.action in forms.NAMES and not event.choice
        return needs and event.channel == settings.channel_of(event.card) and self.may_try(event)

    def _open(self, found: Pressed) -> Heard:
        """One form a press (M016): a press that comes again opens no second one."""
        event, tell = found.event, self._door.tell
        trace.found(event.fact)
        if tell is None or not self._opened.first(event.fact):
            return Heard("form")
        token = self.tokens.make_form(found.opened())
        failed = tell.open_form(found.trigger, event.action, token) if found.trigger else "no_trigger"
        if failed:
            self._opened.forget(event.fact)
        self._door.metrics.events.labels(self._sender, "form_failed" if failed else "form", "").inc()
        return Heard("form_failed" if failed else "form")

    def _record(self, event: ButtonPressed) -> Heard:
        done = self._door.record(self._sender, event, PRESS_WITHIN)
        if done in ("lost", "unclear"):
            return Heard("try_again" if done == "lost" else "not_confirmed", recorded=False)
        return Heard("recorded" if done == "duplicate" or self._door.desk.working() else "recorded_waiting")


class Once:
    """Which facts were here already: the newest `size`, of this process. Thread-safe."""

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._facts: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def first(self, fact: str) -> bool:
        """True for the first of its kind."""
        with self._lock:
            new = fact not in self._facts
            self._facts[fact] = None
            if len(self._facts) > self._size:
                self._facts.popitem(last=False)
        return new

    def forget(self, fact: str) -> None:
        with self._lock:
            self._facts.pop(fact, None)


def place(found: Found) -> dict[str, str]:
    """Who pressed which card; {} when it was no press that we could read."""
    names = ("user", "team", "channel", "ts")
    if not isinstance(found, Refused):
        return {name: getattr(found.event, name) for name in names}
    detail = found.detail or {}
    return {name: str(detail[name]) for name in names} if set(names) <= detail.keys() else {}

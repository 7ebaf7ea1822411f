"""A case's cards are numbered: which one counts, what it shows, and how effects say which card they are about.

A card whose details are no longer the ticket's is replaced by the next one; a deleted message is posted once more, as
the next one, too. Number 1 leaves no trace in an effect's arg, as in releases that knew one card only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from app.cases import Case
from app.clients.chat import Posted
from app.events import Json
from app.ledger.store import Effect

MAYBE_OUT = ("sending", "unknown", "done")


@dataclass(frozen=True)
class Wanted:
    """The card that counts now, as `cases.card` holds it. `number` 0: there is none yet.

    `seen`: keyed hash of its five fields. `version`: how often those have changed; `over`: they are not complete any
    more. `again`: the message was deleted and is posted once more; `gone`: deleted a second time, not posted again.
    """

    number: int = 0
    version: int = 1
    seen: str = ""
    over: bool = False
    again: bool = False
    gone: bool = False

    @classmethod
    def of(cls, case: Case) -> Wanted:
        known = {name: value for name, value in case.card.items() if name in cls.__dataclass_fields__}
        return cls(**known)  # type: ignore[arg-type]  # written by `stored` below

    def stored(self) -> dict[str, Json]:
        return asdict(self)


def asked_arg(card: str, number: int) -> str:
    """The arg of the effect that posts this card."""
    return card if number <= 1 else f"{card}:{number}"


def arg(number: int, what: str) -> str:
    """The arg of an effect on this card: `banning` or `2/banning`."""
    return what if number <= 1 else f"{number}/{what}"


def number_of(effect: Effect) -> int:
    """Which card an effect is about."""
    if effect.verb == "ask_supervisor":
        number = effect.arg.partition(":")[2]
    else:
        number, slash, _ = effect.arg.partition("/")
        number = number if slash else ""
    return int(number) if number.isdigit() else 1


def split(what: str) -> tuple[int, str]:
    """(number, rest) of an arg or of a timer's part."""
    number, slash, rest = what.partition("/")
    return (int(number), rest) if slash and number.isdigit() else (1, what)


def word(effect_arg: str) -> str:
    """What an update of a card shows, by its arg: a case's state, or `replaced`."""
    return split(effect_arg)[1].partition(":")[0]


def asked(effects: Sequence[Effect], number: int) -> Effect | None:
    """The effect that posts this card."""
    mine = (e for e in effects if e.verb == "ask_supervisor" and number_of(e) == number)
    return next(mine, None)


def maybe_out(effect: Effect | None) -> bool:
    """Whether this card is in the channel, or may be."""
    if effect is None:
        return False
    return effect.state in MAYBE_OUT or (effect.state == "dead" and effect.sent_at is not None)


def where(evidence: Mapping[str, Json]) -> Posted | None:
    """The message that this effect made."""
    channel, ts = evidence.get("channel"), evidence.get("ts")
    return Posted(channel, ts) if isinstance(channel, str) and isinstance(ts, str) else None


def out(effects: Sequence[Effect], case: Case) -> dict[int, Posted]:
    """Every card that surely is in the channel, by number. The press itself says where the newest one is, should the
    answer of its post have been lost."""
    found: dict[int, Posted] = {}
    for effect in effects:
        at = where(effect.evidence) if effect.verb == "ask_supervisor" and effect.state == "done" else None
        if at:
            found[number_of(effect)] = at
    if case.chat_channel and case.chat_ts:
        pressed = Posted(case.chat_channel, case.chat_ts)
        if pressed not in found.values():
            found.setdefault(max(Wanted.of(case).number, 1), pressed)
    return dict(sorted(found.items()))


def gone(effects: Sequence[Effect], number: int, *, sure: bool = False) -> bool:
    """Whether somebody has deleted this card's message: an update of it, or a reply to it, has found that out.

    `sure`: an update has; a reply may have been refused for another reason.
    """
    posted = asked(effects, number)
    if posted is None or posted.state != "done" or posted.sent_at is None:
        return False
    return any(
        e.evidence.get("gone") and e.state == "done" and e.sent_at is not None and e.sent_at >= posted.sent_at
        for e in effects
        if (e.verb == "remind" and not sure) or (e.verb in ("renew_card", "show_words") and number_of(e) == number)
    )

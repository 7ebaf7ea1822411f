"""What a customer may wish: `suggest(text)`. A suggestion that an agent may accept; it never acts on its own.

delete_data wins over any stop beside it; a channel counts where a clause asks to stop; withdraw takes an earlier wish
back. Source: SOP 000 (preferences); issue 7; labels as in shared/threat/LABELS.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from app.threats import lexicon
from app.threats.lexicon import Lexicon
from app.threats.reader import Reading, read
from app.threats.spell import Speller

CHANNELS = ("calls", "sms", "email", "push", "whatsapp")
REACH = 8  # words between what is to happen and to what

Intent = Literal["delete_data", "stop_all", "stop_specific", "withdraw", "other"]


@dataclass(frozen=True)
class Wish:
    """`channels`: those to stop, in the order of `CHANNELS`; empty unless the intent is stop_specific."""

    intent: Intent
    channels: tuple[str, ...] = ()


@cache
def _words() -> tuple[Lexicon, Speller]:
    lists = lexicon.of_cues(lexicon.WISHES)
    return lists, Speller((), ())


def suggest(text: str) -> Wish:
    """The wish in a customer's own words (app.threats.own_words). Linear in the length of the text."""
    reading = read(text, *_words())
    places = _places(reading)
    if _takes_back(reading, places):
        return Wish("withdraw")
    if _erases(places):
        return Wish("delete_data")
    channels = tuple(name for name in CHANNELS if _stopped(reading, places, name))
    if channels and len(channels) < len(CHANNELS) - 1:  # nearly all of them: offers in general
        return Wish("stop_specific", channels)
    if channels or places["cease"] or _stops(places):
        return Wish("stop_all")
    return Wish("other")


def _places(reading: Reading) -> dict[str, list[int]]:
    """Cue -> the words where it stands."""
    names = (
        "back",
        "erase",
        "take_out",
        "thing",
        "number",
        "listing",
        "halt",
        "offers",
        "fine",
        "cease",
        "blame",
        "wanted",
        *CHANNELS,
    )
    found: dict[str, list[int]] = {name: [] for name in names}
    for at, cues in enumerate(reading.cues):
        for cue in cues:
            found[cue].append(at)
    return found


def _takes_back(reading: Reading, places: dict[str, list[int]]) -> bool:
    """Whether an earlier wish is taken back, or offers are wanted (again)."""
    if any(not _said_before(reading, places["blame"], at) for at in places["back"]):
        return True
    return any(not _said_before(reading, places["halt"], at) for at in places["wanted"])


def _said_before(reading: Reading, cues: Sequence[int], at: int) -> bool:
    """Whether such a cue stands shortly before, in the same sentence: `if you do not delete`, `no offers again`."""
    return any(0 < at - one <= REACH and reading.sentence[one] == reading.sentence[at] for one in cues)


def _near(one: Sequence[int], two: Sequence[int], reach: int = REACH) -> bool:
    """Whether something of `one` stands near something of `two`; both are in order."""
    at = 0
    for place in one:
        while at < len(two) and two[at] < place - reach:
            at += 1
        if at < len(two) and two[at] <= place + reach:
            return True
    return False


def _erases(places: dict[str, list[int]]) -> bool:
    if places["erase"]:
        return True
    out = places["take_out"]
    if _near(out, places["listing"]):
        return False
    return _near(out, places["thing"])


def _stops(places: dict[str, list[int]]) -> bool:
    if _near(places["take_out"], places["listing"]) or _near(places["take_out"], places["number"], 4):
        return True
    return _near(places["halt"], places["offers"]) or _near(places["take_out"], places["offers"])


def _stopped(reading: Reading, places: dict[str, list[int]], channel: str) -> bool:
    """Whether this channel is to be stopped: a word of stopping stands near it, and nothing says that it is fine."""
    for at in places[channel]:
        halts = [
            one for one in places["halt"] if abs(one - at) <= REACH and reading.sentence[one] == reading.sentence[at]
        ]
        fine = any(0 < one - at <= 3 for one in places["fine"])
        if halts and not fine:
            return True
    return False

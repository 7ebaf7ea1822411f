"""What every chat's parser makes of a press: which button of ours, by whom, on which message; what was filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app import forms
from app.errors import BadPayloadError
from app.events import ButtonPressed, Json
from app.parse.common import as_str
from app.tokens import Opened, Press, Tokens


@dataclass(frozen=True)
class Place:
    """Who pressed or sent, and where; all checked for their form. `team`: '' where the chat has none."""

    user: str
    team: str
    channel: str
    ts: str

    @property
    def detail(self) -> Mapping[str, Json]:
        return dict(vars(self))


@dataclass(frozen=True)
class Pressed:
    """A press of a button of ours. `trigger`: good for opening one form on it, for some seconds ('': none)."""

    event: ButtonPressed
    meant: Press
    trigger: str = field(default="", repr=False)

    def opened(self) -> Opened:
        """What the token of a form says that this press opens."""
        event = self.event
        return Opened(replace(self.meant, channel=event.channel), event.user, event.ts, event.fact)


@dataclass(frozen=True)
class Sent:
    """A form of ours that somebody sent. `wrong`: field -> key in forms.toml; not empty: it must be sent again."""

    event: ButtonPressed
    wrong: Mapping[str, str] = field(default_factory=dict)


def pressed(fact: str, place: Place, meant: Press, *, choice: str = "", trigger: str = "") -> Pressed:
    return Pressed(_event(fact, place, meant, choice=choice), meant, trigger)


def sent(token: Json, name: Json, place: Place, values: Mapping[str, Json], tokens: Tokens) -> Sent:
    """A form by its token, which is bound to its name and to who opened it. `place`: without channel and ts.

    Raises BadPayloadError `token_forged`. A form that was open for too long is told so, as a wrong first field.
    """
    if not isinstance(name, str) or name not in forms.NAMES:
        raise _forged()
    try:
        opened = tokens.read_form(token)
    except BadPayloadError as error:
        if error.reason != "token_expired":
            raise
        return Sent(_event("", place, Press(0, 0, "", name)), {forms.first_field(name): "expired"})
    if opened.button.action != name or opened.user != place.user:
        raise _forged()
    filled = forms.read(opened.button.action, {key: as_str(value) for key, value in values.items()})
    here = replace(place, channel=opened.button.channel, ts=opened.ts)
    # One form is one decision, however often it is sent: its fact is that of the press that opened it.
    event = _event(f"{opened.press}:form", here, opened.button, choice=filled.choice, said=filled.said)
    return Sent(event, filled.wrong)


def _forged() -> BadPayloadError:
    return BadPayloadError("a form of somebody else's, or opened for something or somebody else", "token_forged")


def _event(
    fact: str, place: Place, meant: Press, *, choice: str = "", said: Mapping[str, str] | None = None
) -> ButtonPressed:
    return ButtonPressed(
        fact=fact,
        case_id=meant.case_id,
        generation=meant.generation,
        card=meant.card,
        action=meant.action,
        user=place.user,
        team=place.team,
        channel=place.channel,
        ts=place.ts,
        choice=choice,
        seen=meant.seen,
        said=said or {},
    )

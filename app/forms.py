"""The forms that a press opens: why a request is declined, and what the agent is asked; and what was filled in.

A name is the action of the button that opens the form. Labels have at most 24 characters, which Mattermost asks for.
Source: SOP 000 section 2 (decline, questions to the agent), facts chat-and-jira S10, M17, bad-inputs S033.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app import cards
from app.clients.chat import Field, Form
from app.sinks import typed
from app.texts import Texts

NAMES = ("decline", "ask")
SAID_LIMIT = 1000  # characters of a text that somebody wrote (bad-inputs, "Conventions")


@dataclass(frozen=True)
class Filled:
    """What somebody sent. `choice`: the reason's code; `said`: free texts, cleaned and cut, without the empty ones.

    `wrong`: field -> key of the text that says what is missing; then the rest does not count.
    """

    choice: str
    said: Mapping[str, str]
    wrong: Mapping[str, str]


def form(texts: Texts, name: str, token: str) -> Form:
    """The form of this action. ValueError: the action has none."""
    made = {"decline": decline_form, "ask": ask_form}.get(name)
    if made is None:
        raise ValueError("only declining and asking have a form")
    return made(texts, token)


def decline_form(texts: Texts, token: str) -> Form:
    """Why not: a reason's code, a note for the agent, and words for the customer, which the desk never sends."""
    reasons = tuple((code, texts.decline_reason(code)) for code in cards.REASONS)
    fields = (
        Field("reason", texts.get("forms.decline.reason"), reasons, hint=texts.get("forms.decline.pick")),
        _text(texts, "decline", "note", optional=True),
        _text(texts, "decline", "wording", optional=True),
    )
    return _form(texts, "decline", token, fields)


def ask_form(texts: Texts, token: str) -> Form:
    """A question to the agent; the request goes on waiting."""
    return _form(texts, "ask", token, (_text(texts, "ask", "question"),))


def read(name: str, values: Mapping[str, str]) -> Filled:
    """What was filled into the form of this name; fields that it does not have are not looked at."""
    if name == "ask":
        question = typed(values.get("question", ""), SAID_LIMIT)
        return Filled("", {"question": question} if question else {}, {} if question else {"question": "ask.missing"})
    said = {field: typed(values.get(field, ""), SAID_LIMIT) for field in ("note", "wording")}
    reason = values.get("reason", "")
    if reason not in cards.REASONS:
        return Filled("", {}, {"reason": "decline.missing"})
    return Filled(reason, {field: text for field, text in said.items() if text}, {})


def first_field(name: str) -> str:
    """Where a message about the whole form is shown, in a chat that has no other place for it."""
    return "question" if name == "ask" else "reason"


def _form(texts: Texts, name: str, token: str, fields: tuple[Field, ...]) -> Form:
    title, submit = texts.get(f"forms.{name}.title"), texts.get(f"forms.{name}.submit")
    return Form(name, title, submit, texts.get("forms.cancel"), token, fields)


def _text(texts: Texts, name: str, field: str, *, optional: bool = False) -> Field:
    label, hint = texts.get(f"forms.{name}.{field}"), texts.get(f"forms.{name}.{field}_hint")
    return Field(field, label, limit=SAID_LIMIT, optional=optional, hint=hint)

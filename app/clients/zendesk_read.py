"""Zendesk's JSON in our terms; a shape that cannot be what we asked for is an unreadable answer, never a guess."""

from __future__ import annotations

import html
from collections.abc import Mapping

from app.clients.outcome import unknown
from app.clients.shape import flag, items, mapping, moment, number, numbers, text, texts
from app.clients.types import Audit, Comment, Macro, MacroEffect, Person, Ticket

SIMPLE = ("status", "priority", "group_id", "assignee_id", "custom_status_id")  # what a macro may change besides tags
OP_KEY = "desk_op"  # in the update's metadata; comes back as audit.metadata.custom (facts Z3.6)

Json = Mapping[str, object]


def ticket(raw: Json, expected: int) -> Ticket:
    """GET /tickets/{id}. Raises UnknownOutcomeError when it is another ticket's body or has no stamp."""
    stamp = text(raw.get("updated_at"))
    if number(raw.get("id")) != expected or not stamp:
        raise unknown("zendesk", "unreadable")
    copies = raw.get("email_cc_ids")
    return Ticket(
        id=expected,
        status=text(raw.get("status")).lower(),
        tags=texts(raw.get("tags")),
        requester_id=number(raw.get("requester_id")),
        assignee_id=number(raw.get("assignee_id")),
        submitter_id=number(raw.get("submitter_id")),
        cc_ids=numbers(copies if isinstance(copies, list) else raw.get("collaborator_ids")),
        fields=_fields(raw.get("custom_fields")),
        stamp=stamp,
        channel=text(mapping(raw.get("via")).get("channel")),
    )


def _fields(value: object) -> dict[int, str | tuple[str, ...]]:
    """Custom fields that hold something; a multi-select is a tuple of tags, all else is text."""
    found: dict[int, str | tuple[str, ...]] = {}
    for entry in map(mapping, items(value)):
        number_, content = number(entry.get("id")), entry.get("value")
        if number_ is None or content is None or content == "":
            continue
        if isinstance(content, list):
            found[number_] = tuple(sorted(texts(content)))
        else:
            found[number_] = str(content).lower() if isinstance(content, bool) else str(content)
    return found


def person(raw: Json, identities: list[object], expected: int) -> Person:
    """A user; `reachable` needs an e-mail address and an account that is not suspended (Z3.16).

    Only a listed main e-mail identity can say that mail does not arrive; an account that lists none says nothing.
    """
    if number(raw.get("id")) != expected:
        raise unknown("zendesk", "unreadable")
    mails = [entry for entry in map(mapping, identities) if entry.get("type") == "email"]
    main = [entry for entry in mails if flag(entry.get("primary"))] or mails
    deliverable = not main or any(entry.get("deliverable_state") in (None, "deliverable") for entry in main)
    email = text(raw.get("email"))
    return Person(
        id=expected,
        name=text(raw.get("name")),
        email=email,
        phone=text(raw.get("phone")),
        role=text(raw.get("role")),
        reachable=bool(email) and deliverable and flag(raw.get("suspended")) is not True,
        external_id=str(raw.get("external_id") or ""),
        locale=text(raw.get("locale")),
        mails=frozenset(mail.lower() for mail in (email, *(text(entry.get("value")) for entry in mails)) if mail),
        active=flag(raw.get("suspended")) is not True and flag(raw.get("active")) is not False,
    )


def audit(raw: Json) -> Audit | None:
    """One audit; None when it has no id. Tag changes come as a Change of `tags` with both lists."""
    found = number(raw.get("id"))
    if found is None:
        return None
    added: set[str] = set()
    removed: set[str] = set()
    comment: int | None = None
    for event in map(mapping, items(raw.get("events"))):
        kind = text(event.get("type"))
        if kind in ("Comment", "VoiceComment") and comment is None:
            comment = number(event.get("id"))
        elif kind in ("Change", "Create") and event.get("field_name") == "tags":
            before, after = _tags(event.get("previous_value")), _tags(event.get("value"))
            added |= after - before
            removed |= before - after
    return Audit(
        id=found,
        author_id=number(raw.get("author_id")) or 0,
        created_at=moment(raw.get("created_at")),
        op_id=text(custom(raw).get(OP_KEY)),
        tags_added=frozenset(added),
        tags_removed=frozenset(removed),
        comment_id=comment,
    )


def comment(raw: Json) -> Comment | None:
    """One comment; None when it has no id. `plain_body` still holds entities such as `&nbsp;`."""
    found = number(raw.get("id"))
    if found is None:
        return None
    return Comment(
        id=found,
        author_id=number(raw.get("author_id")) or 0,
        public=flag(raw.get("public")) is True,
        body=html.unescape(text(raw.get("plain_body")) or text(raw.get("body"))),
        created_at=moment(raw.get("created_at")),
        channel=text(mapping(raw.get("via")).get("channel")),
    )


def custom(raw_audit: Json) -> Json:
    """Our own part of an audit's metadata."""
    return mapping(mapping(raw_audit.get("metadata")).get("custom"))


def _tags(value: object) -> frozenset[str]:
    """A list, or one string with spaces."""
    return frozenset(value.split()) if isinstance(value, str) else texts(value)


def macro(raw: Json) -> Macro | None:
    """A macro, active unless it says otherwise; None when it has no id or is one person's own (an admin's list holds
    everybody's)."""
    found = number(raw.get("id"))
    if found is None or text(mapping(raw.get("restriction")).get("type")).lower() == "user":
        return None
    return Macro(id=found, title=text(raw.get("title")), active=flag(raw.get("active")) is not False)


def macro_text(raw: Json) -> str:
    """The comment that a macro writes, as its actions hold it: rich, else plain; '' when it writes none."""
    found = _actions(raw)
    values = (found.get("comment_value_html"), found.get("comment_value"))
    return next((words for words in map(_comment, values) if words.strip()), "")


def _comment(value: object) -> str:
    """A text, or ["channel:all", "text"] (Z2.6)."""
    parts = items(value)
    return text(parts[-1]) if parts else text(value)


def _actions(raw_macro: Json) -> dict[str, object]:
    return {text(entry.get("field")): entry.get("value") for entry in map(mapping, items(raw_macro.get("actions")))}


def changes_only(ticket_now: Ticket, raw_macro: Json, raw_changes: Json) -> Json:
    """A preview made of the changes alone, which do not say what becomes of the tags: the macro's actions do."""
    actions = _actions(raw_macro)
    tags = _tags(actions["set_tags"]) if "set_tags" in actions else ticket_now.tags
    tags = (tags | _tags(actions.get("current_tags"))) - _tags(actions.get("remove_tags"))
    return {**raw_changes, "tags": sorted(tags)}


def effect(ticket_now: Ticket, raw_macro: Json, raw_after: Json) -> MacroEffect:
    """What to take from a preview: the comment, simple fields the macro itself sets, and the difference of tags.

    The preview is a whole ticket; the rest of it is an old snapshot and is never written back (Z2.10).
    """
    actions = _actions(raw_macro)
    fields: dict[str, str | int] = {}
    for name in SIMPLE:
        value = text(raw_after.get(name)) if name in ("status", "priority") else number(raw_after.get(name))
        if name in actions and value and value != getattr(ticket_now, name, None):
            fields[name] = value
    comment = mapping(raw_after.get("comment"))
    html, plain = text(comment.get("html_body")).strip(), text(comment.get("body")).strip()
    public = flag(comment.get("public"))
    after = texts(raw_after.get("tags")) if isinstance(raw_after.get("tags"), list) else ticket_now.tags
    return MacroEffect(
        body=html or plain or _scoped(comment.get("scoped_body")),
        html=bool(html),
        # nobody said: the macro's own setting, and if there is none, rather a private note than an e-mail
        public=public if public is not None else flag(actions.get("comment_mode_is_public")) is True,
        fields=fields,
        add_tags=after - ticket_now.tags,
        remove_tags=ticket_now.tags - after,
        text=macro_text(raw_macro),
    )


def _scoped(value: object) -> str:
    """[["channel:all", "text"]], the documented second place of the text (Z2.2)."""
    for pair in map(items, items(value)):
        if len(pair) == 2 and text(pair[1]).strip():
            return text(pair[1]).strip()
    return ""

"""People, channels, groups, and opening a dialog.

Source: OpenAPI v4, server/channels/api4/{user,channel,group,integration_action}.go.
"""

from __future__ import annotations

from typing import Any

from flask import request

from sandbox.mattermost.people import GROUP_ID, Person
from sandbox.mattermost.rules import dialog_problems
from sandbox.mattermost.state import State
from sandbox.mattermost.web import ID, ApiError, body_of, forbidden, invalid, number, route


@route("GET", "/users/me", "users.me")
def me(state: State, caller: Person) -> dict[str, Any]:
    """Who the token is."""
    return caller.public()


@route("GET", "/users/<user_id>", "users.get")
def user(state: State, caller: Person, user_id: str) -> dict[str, Any]:
    """One account; deactivated ones and bots too."""
    if (person := state.people.get(user_id)) is None:
        raise ApiError(404, "app.user.missing_account.const", "Unable to find the user.")
    return _shown(state, person)


@route("GET", "/users/username/<username>", "users.username")
def by_name(state: State, caller: Person, username: str) -> dict[str, Any]:
    """One account by its user name."""
    for person in state.people.values():
        if person.handle == username.lower():
            return _shown(state, person)
    raise ApiError(404, "app.user.get_by_username.app_error", "Unable to find an existing account.")


@route("POST", "/users/ids", "users.ids", read=True)
def by_ids(state: State, caller: Person) -> list[dict[str, Any]]:
    """The accounts of these ids; what is not there is left out."""
    wanted = request.get_json(silent=True, force=True)
    if not isinstance(wanted, list) or not wanted:
        raise invalid("user_ids")
    return [_shown(state, state.people[one]) for one in wanted if one in state.people]


@route("GET", "/channels/<channel_id>", "channels.get")
def channel(state: State, caller: Person, channel_id: str) -> dict[str, Any]:
    """One channel that the caller belongs to."""
    if (found := state.channels.get(channel_id)) is None:
        raise ApiError(404, "app.channel.get.existing.app_error", "Unable to find the existing channel.")
    if not state.belongs(caller.id, channel_id):
        raise forbidden()
    return found.public(max((p.create_at for p in state.posts.values() if p.channel_id == channel_id), default=0))


@route("GET", "/channels/<channel_id>/members/<user_id>", "channels.member")
def member(state: State, caller: Person, channel_id: str, user_id: str) -> dict[str, Any]:
    """Whether somebody belongs to a channel of ours."""
    if not state.belongs(caller.id, channel_id):
        raise forbidden()
    if not state.belongs(user_id, channel_id):
        raise ApiError(404, "app.channel.get_member.missing.app_error", "No channel member found.")
    guest = state.people[user_id].guest
    return {
        "channel_id": channel_id,
        "user_id": user_id,
        "roles": "channel_guest" if guest else "channel_user",
        "msg_count": 0,
        "mention_count": 0,
        "notify_props": {"desktop": "default", "email": "default", "mark_unread": "all", "push": "default"},
        "scheme_guest": guest,
        "scheme_user": not guest,
        "scheme_admin": False,
        "explicit_roles": "",
    }


@route("POST", "/channels/direct", "channels.direct")
def direct(state: State, caller: Person) -> Any:
    """The direct channel of two people, one of them the caller; made when it is not there yet."""
    pair = request.get_json(silent=True, force=True)
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(p, str) and ID.fullmatch(p) for p in pair):
        raise invalid("user_ids")
    if caller.id not in pair:
        raise forbidden()
    if not all(one in state.people for one in pair):
        raise ApiError(404, "app.user.missing_account.const", "Unable to find the user.")
    return state.direct(*pair).public(0), 201


@route("GET", "/groups/<group_id>/members", "groups.members")
def group(state: State, caller: Person, group_id: str) -> dict[str, Any]:
    """The members of the one group: the approvers. Groups need a licence, some also an administrator."""
    kind = state.world.config.mattermost_groups
    if kind == "unlicensed":
        raise ApiError(501, "api.ldap_groups.license_error", "Your license does not support LDAP groups.")
    if kind == "forbidden":
        raise forbidden()
    if group_id != GROUP_ID:
        raise ApiError(404, "app.group.no_rows", "No matching group found.")
    members = [person for person in state.people.values() if person.approver and not person.deleted]
    size = number("per_page", 60, 200) or 60
    start = number("page", 0) * size
    page = [_shown(state, person) for person in members[start : start + size]]
    return {"members": page, "total_member_count": len(members)}


@route("POST", "/actions/dialogs/open", "dialogs.open", open=True)
def open_dialog(state: State, caller: None) -> dict[str, str]:
    """Show a dialog to whoever pressed: the trigger id is the whole permission (facts M17)."""
    body = body_of()
    if not body.get("url"):
        raise invalid("url")
    read = state.read_trigger(str(body.get("trigger_id") or ""))
    if isinstance(read, str):
        raise ApiError(400, f"interactive_message.decode_trigger_id.{read}", "The trigger id can't be used.")
    if broken := dialog_problems(body.get("dialog")):
        raise ApiError(400, "api.context.invalid_body_param.app_error", "; ".join(broken))
    client, user_id = read
    number_of = f"{client}-{len(state.dialogs)}"
    state.dialogs[number_of] = {
        "id": number_of,
        "user": user_id,
        "url": body["url"],
        "channel_id": state.triggers.get(client, state.channel),
        **body["dialog"],
    }
    state.world.changed()
    return {"status": "OK"}


def _shown(state: State, person: Person) -> dict[str, Any]:
    return person.public(email=state.world.config.mattermost_emails)

"""Mattermost through its REST API v4: nothing re-sent, every refusal mapped, our own posts found again by their props.

Facts: chat-and-jira.md M1 to M31. Plain requests over the wire that all vendors share: a dozen calls need no library.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from app.clients.chat import Card, ChatPerson, Form, Posted
from app.clients.http import DEADLINE
from app.clients.mattermost_posts import DIALOG_PATH, TEXT_LIMIT, action_id, dialog, props
from app.clients.mattermost_rest import ID, PAGES, Json, Rest, actions_of, before, checked, deleted, id_of, made_at
from app.clients.outcome import permanent, unknown
from app.clients.shape import flag, mapping, number, text
from app.errors import PermanentError
from app.settings import Settings
from app.sinks import mattermost

LOOK_BACK = timedelta(seconds=60)  # before the time the send was planned: clocks differ
PEOPLE = 200  # members of a group in one answer
KEPT_PROPS = ("desk_op", "desk_case", "from_bot")  # a patch replaces all props (M20)


class MattermostClient(Rest):
    """`app.clients.types.Chat` on Mattermost, for many threads. Making one sends nothing."""

    vendor = "mattermost"

    def __init__(self, settings: Settings, *, deadline: float = DEADLINE) -> None:
        """`deadline`: seconds for one call from start to the last byte."""
        super().__init__(settings, deadline=deadline)
        self._channel = settings.mattermost_channel
        self._zone = settings.desk_time_zone
        self._ours = settings.public_url.rstrip("/")

    def post(self, card: Card, *, op_id: str, case_key: str, thread: Posted | None = None, channel: str = "") -> Posted:
        """Post to `channel` (the configured one when empty), or below the message `thread`.

        The props carry ids only, since the whole channel can read them. The server drops a quick repeat by itself
        (`pending_post_id`, M26); all else is for `find`. PermanentError `gone`: there is no such thread any more.
        """
        body: dict[str, object] = {
            "channel_id": thread.channel if thread else channel or self._channel,
            "message": "",
            "props": {**self._props(card), "desk_op": op_id, "desk_case": case_key},
            "pending_post_id": f"{before(self._me)}:{op_id}",
        }
        if thread:
            body["root_id"] = thread.ts
        return self._posted(body)

    def update(self, at: Posted, card: Card) -> Posted:
        """Replace a message of ours; repeat-safe. PermanentError `gone`: somebody has deleted it."""
        old = mapping(before(lambda: self._post(at)).get("props"))
        kept = {name: old[name] for name in KEPT_PROPS if name in old}
        self._patch(at, {"message": "", "props": {**self._props(card), **kept}})
        return at

    def _patch(self, at: Posted, body: Json) -> None:
        try:
            answer = self._call("PUT", f"posts/{at.ts}/patch", body)
        except PermanentError as error:
            if error.reason == "forbidden":
                self._post(at)  # a post that has just been deleted is refused like one that is not ours
            raise
        if answer.get("id") != at.ts:
            raise unknown("mattermost", "unreadable")

    def find(self, op_id: str, *, since: datetime, thread: Posted | None = None, channel: str = "") -> Posted | None:
        """Our post with this op id, the oldest if there are two; None when there surely is none to be seen."""
        bot, earliest = self._me(), int((since - LOOK_BACK).timestamp() * 1000)
        where = thread.channel if thread else channel or self._channel
        posts = self._thread(thread) if thread else self._history(where, earliest)
        found = [
            (made_at(post), id_of(post))
            for post in posts
            if text(mapping(post.get("props")).get("desk_op")) == op_id
            and post.get("user_id") == bot
            and not deleted(post)
            and made_at(post) >= earliest
        ]
        return Posted(where, min(found)[1]) if found else None

    def is_there(self, at: Posted) -> bool:
        """Whether the post is still in its channel. PermanentError `forbidden`: we can no longer see the channel."""
        try:
            return self._post(at).get("channel_id") == at.channel
        except PermanentError as error:
            if error.reason == "gone":
                return False
            raise

    def press_is_ours(self, at: Posted, action: str, case: str = "") -> bool:
        """Whether our bot wrote this post, in that channel, of that case, with a button for the action on it.

        An action call is not signed (M7): this is what a copied token on another post fails (M9; bad-inputs M003, M007,
        M008). A card of ours that has just lost its buttons passes: the press came late and is owed an answer. Raises a
        VendorError when it cannot be told: then nothing may count.
        """
        if not ID.fullmatch(at.ts):
            return False
        try:
            post = self._post(at)
        except PermanentError as error:
            if error.reason == "gone":
                return False
            raise
        its = mapping(post.get("props"))
        buttons = actions_of(its)
        ours = post.get("user_id") == self._me() and post.get("channel_id") == at.channel and bool(its.get("desk_case"))
        return ours and case in ("", its.get("desk_case")) and (not buttons or action_id(action) in buttons)

    def answer(self, user: str, text: str, *, channel: str, about: str = "") -> None:
        """A direct message: a bot may not post ephemerally (M16). The server drops quick repeats (M26)."""
        bot = before(self._me)
        direct = id_of(before(lambda: self._call("POST", "channels/direct", [bot, checked(user)])))
        same = hashlib.sha256(f"{user}\n{about}\n{text}".encode()).hexdigest()[:26]
        message = mattermost(text, TEXT_LIMIT)
        self._posted({"channel_id": direct, "message": message, "pending_post_id": f"{bot}:{same}"})

    def person(self, user: str, *, channel: str = "") -> ChatPerson:
        """Who this is, asked now. Somebody of another server (a shared channel) counts as a guest."""
        raw = self._call("GET", f"users/{checked(user)}")
        if raw.get("id") != user:
            raise unknown("mattermost", "unreadable")
        self._keep_name(user, raw)
        return ChatPerson(
            id=user,
            team_id="",
            is_bot=flag(raw.get("is_bot")) is True,
            deleted=deleted(raw),
            is_guest="system_guest" in text(raw.get("roles")).split() or bool(text(raw.get("remote_id"))),
            email=text(raw.get("email")),
            in_channel=self._is_member(user, channel) if channel else True,
        )

    def group(self, group: str) -> frozenset[str]:
        """Members of a group, the deactivated ones left out. PermanentError `unlicensed`, `forbidden`, `gone`."""
        found: set[str] = set()
        seen = 0
        for page in range(PAGES):
            answer = self._call("GET", f"groups/{checked(group)}/members", page=page, per_page=PEOPLE)
            members = answer.get("members")
            if members is None and number(answer.get("total_member_count")) == 0:
                return frozenset()
            if not isinstance(members, list):
                raise unknown("mattermost", "unreadable")
            found |= {id_of(raw) for raw in map(mapping, members) if not deleted(raw)}
            seen += len(members)
            if not members or seen >= (number(answer.get("total_member_count")) or 0):
                return frozenset(found)
        raise unknown("mattermost", "unreadable")

    def open_form(self, trigger: str, form: Form) -> None:
        """Within the server's time for integrations after a press (M17). PermanentError `gone`: too late."""
        body = {"trigger_id": trigger, "url": self._ours + DIALOG_PATH, "dialog": dialog(form)}
        self._call("POST", "actions/dialogs/open", body)

    def me(self) -> tuple[str, str]:
        """('', our own user id). Raises AuthError for a token that is none."""
        self._bot = id_of(self._call("GET", "users/me"))
        return "", self._bot

    def channel(self, channel: str = "") -> None:
        """PermanentError `channel`: it (empty: the configured one) is not there, is archived, or lacks the bot."""
        where = channel or self._channel
        raw = self._in_channel(lambda: self._call("GET", f"channels/{checked(where)}"))
        if deleted(raw) or not self._is_member(self._me(), where):
            raise permanent("mattermost", "channel")

    def _props(self, card: Card) -> dict[str, object]:
        return props(card, zone=self._zone, url=self._ours, name=self._name)

    def _posted(self, body: Json) -> Posted:
        raw = self._in_channel(lambda: self._call("POST", "posts", body))
        if raw.get("channel_id") != body["channel_id"]:
            raise unknown("mattermost", "unreadable")
        return Posted(text(raw.get("channel_id")), id_of(raw))

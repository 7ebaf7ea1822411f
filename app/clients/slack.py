"""Slack through slack_sdk: nothing re-sent, every error code mapped, our own messages found again by their metadata.

Facts: chat-and-jira.md S19 to S54. slack_sdk speaks urllib (follows redirects, reads proxies from the environment,
no limit on an answer), so its one transport method is replaced by the wire that all vendors share.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.request import Request

import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError
from slack_sdk.web import SlackResponse

from app.clients.chat import Card, ChatPerson, Form, Posted
from app.clients.http import DEADLINE, OverWire, Wire, prepare, retries
from app.clients.outcome import unknown
from app.clients.shape import flag, items, mapping, text
from app.clients.slack_blocks import TEXT_LIMIT, blocks, fallback, view
from app.clients.slack_errors import judge
from app.errors import VendorError
from app.settings import Settings
from app.sinks import mrkdwn

EVENT_TYPE = "desk_card"
LOOK_BACK = timedelta(seconds=60)  # before the time the send was planned: clocks differ
PAGES = 50  # of 200 messages each
_PARSING = (SlackClientError, ValueError, AttributeError, TypeError, KeyError)

# slack_sdk logs pieces of answers at ERROR; what we need is in our own errors
_silent = logging.getLogger("slack_sdk.desk")


class SlackClient(OverWire):
    """`app.clients.types.Chat` on Slack, for many threads. Making one sends nothing."""

    vendor = "slack"

    def __init__(self, settings: Settings, *, deadline: float = DEADLINE) -> None:
        """`deadline`: seconds for one call from start to the last byte."""
        _silent.setLevel(logging.CRITICAL)
        self._channel = settings.slack_channel
        self._zone = settings.desk_time_zone
        self._url = settings.slack_url.rstrip("/") + "/"
        self._token = settings.slack_bot_token.get_secret_value()
        self._timeout = int(settings.read_timeout) or 1
        super().__init__(Wire("slack", settings, judge=judge))
        self._wire.deadline = deadline

    @property
    def library_retries(self) -> int:
        """How often the library would send a request again by itself; 0 is what we made it."""
        return len(self._web.retry_handlers) + retries(self._web._session)

    def post(self, card: Card, *, op_id: str, case_key: str, thread: Posted | None = None, channel: str = "") -> Posted:
        """Post to `channel` (the configured one when empty), or below the message `thread`.

        The metadata carries ids only, since all of the workspace can read it.
        """
        answer = self._call(
            lambda web: web.chat_postMessage(
                channel=thread.channel if thread else channel or self._channel,
                thread_ts=thread.ts if thread else None,
                text=fallback(card, self._zone),
                blocks=blocks(card, self._zone),
                metadata={"event_type": EVENT_TYPE, "event_payload": {"op_id": op_id, "case": case_key}},
                unfurl_links=False,
                unfurl_media=False,
            )
        )
        return _posted(answer)

    def update(self, at: Posted, card: Card) -> Posted:
        """Replace a message of ours; repeat-safe. Raises PermanentError `gone` when somebody deleted it."""
        # Blocks always: text alone would drop the old ones without saying so (S24).
        text, shown = fallback(card, self._zone), blocks(card, self._zone)
        answer = self._call(lambda web: web.chat_update(channel=at.channel, ts=at.ts, text=text, blocks=shown))
        posted = _posted(answer)
        if posted.ts != at.ts:
            raise unknown("slack", "unreadable")
        return posted

    def find(self, op_id: str, *, since: datetime, thread: Posted | None = None, channel: str = "") -> Posted | None:
        """Our message with this op id, the oldest if there are two; None when there surely is none to be seen."""
        oldest = f"{(since - LOOK_BACK).timestamp():.6f}"
        found: list[str] = []
        where = thread.channel if thread else channel or self._channel
        for page in self._history(oldest, where, thread.ts if thread else ""):
            for message in map(mapping, items(page.get("messages"))):
                metadata = mapping(message.get("metadata"))
                payload = mapping(metadata.get("event_payload"))
                if metadata.get("event_type") == EVENT_TYPE and payload.get("op_id") == op_id:
                    found.append(text(message.get("ts")))
        return Posted(where, min(found, key=_seconds)) if found else None

    def _history(self, oldest: str, channel: str, thread: str) -> Iterator[Mapping[str, object]]:
        """All pages. Raises UnknownOutcomeError past the bound: half a search must not look like "not there"."""
        cursor: str | None = None
        for _ in range(PAGES):
            page = self._call(partial(self._page, oldest, channel, thread, cursor))
            if not isinstance(page.get("messages"), list):
                raise unknown("slack", "unreadable")
            yield page
            cursor = text(mapping(page.get("response_metadata")).get("next_cursor")) or None
            if cursor is None:
                return
        raise unknown("slack", "unreadable")

    def _page(self, oldest: str, channel: str, thread: str, cursor: str | None, web: WebClient) -> SlackResponse:
        if thread:
            return web.conversations_replies(
                channel=channel, ts=thread, oldest=oldest, include_all_metadata=True, limit=200, cursor=cursor
            )
        return web.conversations_history(
            channel=channel, oldest=oldest, include_all_metadata=True, limit=200, cursor=cursor
        )

    def answer(self, user: str, text: str, *, channel: str, about: str = "") -> None:
        """An ephemeral message in the channel, which must have them as a member."""
        words = mrkdwn(text, TEXT_LIMIT)
        self._call(lambda web: web.chat_postEphemeral(channel=channel, user=user, text=words))

    def is_there(self, at: Posted) -> bool:
        page = self._call(
            lambda web: web.conversations_history(
                channel=at.channel, oldest=at.ts, latest=at.ts, inclusive=True, limit=1
            )
        )
        return any(mapping(message).get("ts") == at.ts for message in items(page.get("messages")))

    def group(self, group: str) -> frozenset[str]:
        users = self._call(lambda web: web.usergroups_users_list(usergroup=group)).get("users")
        if not isinstance(users, list):
            raise unknown("slack", "unreadable")
        return frozenset(text(user) for user in users) - {""}

    def open_form(self, trigger: str, form: Form) -> None:
        """views.open: within three seconds of the press (S16)."""
        self._call(lambda web: web.views_open(trigger_id=trigger, view=view(form)))

    def person(self, user: str, *, channel: str = "") -> ChatPerson:
        """By users.info; who belongs to a channel of one workspace is not asked (only members see its buttons)."""
        raw = mapping(self._call(lambda web: web.users_info(user=user)).get("user"))
        if raw.get("id") != user:
            raise unknown("slack", "unreadable")
        return ChatPerson(
            id=user,
            team_id=text(raw.get("team_id")),
            is_bot=flag(raw.get("is_bot")) is True,
            deleted=flag(raw.get("deleted")) is True,
            is_guest=any(flag(raw.get(mark)) for mark in ("is_restricted", "is_ultra_restricted", "is_stranger")),
            email=text(mapping(raw.get("profile")).get("email")),
        )

    def me(self) -> tuple[str, str]:
        """(team id, our own user id); '' for what Slack does not say. Raises AuthError for a token that is none."""
        answer = self._call(lambda web: web.auth_test())
        return text(answer.get("team_id")), text(answer.get("user_id"))

    def socket_address(self, app_token: str) -> str:
        """Where one connection of Socket Mode may be opened now; it holds a ticket, so it belongs in no log."""
        return text(self._call(lambda web: web.apps_connections_open(app_token=app_token)).get("url"))

    def channel(self, channel: str = "") -> None:
        """Look into the channel (empty: the configured one); raises PermanentError `channel` or `forbidden`."""
        self._call(lambda web: web.conversations_history(channel=channel or self._channel, limit=1))

    def _call(self, call: Callable[[WebClient], SlackResponse]) -> Mapping[str, object]:
        """Call the SDK. The wire has raised every refusal; what the SDK itself trips over is an unreadable answer."""
        try:
            return mapping(call(self._web).data)
        except VendorError:
            raise
        except _PARSING:
            pass  # its texts hold the vendor's body: raised below, outside, so that they are no context either
        raise unknown("slack", "unreadable")

    @property
    def _web(self) -> _Web:
        """This thread's client."""
        found: _Web | None = getattr(self._here, "web", None)
        if found is None:
            found = self._here.web = _Web(self._wire, self._url, self._token, self._timeout)
        return found


class _Web(WebClient):
    """WebClient without its default handler, which re-sends a post after a reset (S49), over our wire."""

    def __init__(self, wire: Wire, url: str, token: str, timeout: int) -> None:
        super().__init__(token=token, base_url=url, timeout=timeout, retry_handlers=[], logger=_silent)
        self._session = requests.Session()
        prepare(self._session, wire)

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        data = req.data if isinstance(req.data, bytes) else None
        # the SDK calls an empty body JSON, which it is not (auth.test)
        unwanted = {"content-length"} if data else {"content-length", "content-type"}
        headers = {name: str(value) for name, value in req.header_items() if name.lower() not in unwanted}
        answer = self._session.post(url, data=data, headers=headers, allow_redirects=False)
        return {"status": answer.status_code, "headers": answer.headers, "body": answer.content.decode()}


def _posted(answer: Mapping[str, object]) -> Posted:
    channel, ts = text(answer.get("channel")), text(answer.get("ts"))
    if not channel or not ts or _seconds(ts) <= 0:
        raise unknown("slack", "unreadable")
    return Posted(channel, ts)


def _seconds(ts: str) -> float:
    try:
        return float(ts)
    except ValueError:
        return 0.0

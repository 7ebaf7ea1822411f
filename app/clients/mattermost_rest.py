"""What Mattermost is asked for, and how: the calls and readings that the client's methods are made of.

Every answer is read without trust: what is not as documented is an unknown outcome, never an absence.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

import requests

from app.clients.chat import Posted
from app.clients.http import DEADLINE, OverWire, Wire, prepare, retries
from app.clients.mattermost_errors import judge
from app.clients.outcome import not_applied, permanent, read_object, unknown
from app.clients.shape import flag, items, mapping, number, text, texts
from app.errors import PermanentError, UnknownOutcomeError
from app.settings import Settings

ID = re.compile(r"[a-z0-9]{26}", re.ASCII)
PAGE = 100  # posts; 200 cards would come near the limit of an answer
PAGES = 50
NAMES_KEPT = 600.0  # seconds for which a user name is not asked again

Json = Mapping[str, object]
T = TypeVar("T")


class Rest(OverWire):
    """REST v4 as our bot, for many threads. Making one sends nothing."""

    def __init__(self, settings: Settings, *, deadline: float = DEADLINE) -> None:
        """`deadline`: seconds for one call from start to the last byte."""
        self._base = settings.mattermost_url.rstrip("/") + "/api/v4/"
        self._token = settings.mattermost_token.get_secret_value()
        self._bot = ""
        self._names: dict[str, tuple[float, str]] = {}
        super().__init__(Wire("mattermost", settings, judge=judge))
        self._wire.deadline = deadline

    @property
    def library_retries(self) -> int:
        """How often the library would send a request again by itself; 0 is what we made it."""
        return retries(self._session)

    def _me(self) -> str:
        """Our bot's id; it never changes for a token, so it is asked once."""
        if not self._bot:
            self._bot = id_of(self._call("GET", "users/me"))
        return self._bot

    def _name(self, user: str) -> str:
        """The user name for a mention, '' for nobody's id. A look-up that fails means that nothing was written yet."""
        kept = self._names.get(user)
        if kept is not None and time.monotonic() < kept[0]:
            return kept[1]
        if not ID.fullmatch(user):
            return ""
        try:
            return self._keep_name(user, before(lambda: self._call("GET", f"users/{user}")))
        except PermanentError:
            return self._keep_name(user, {})

    def _keep_name(self, user: str, raw: Json) -> str:
        name = text(raw.get("username"))
        if len(self._names) > 1000:
            self._names = {}
        self._names[user] = (time.monotonic() + NAMES_KEPT, name)
        return name

    def _post(self, at: Posted) -> Json:
        """The post as it is now. PermanentError `gone`: deleted, or never there."""
        raw = self._call("GET", f"posts/{checked(at.ts)}")
        if raw.get("id") != at.ts:
            raise unknown("mattermost", "unreadable")
        if deleted(raw):
            raise permanent("mattermost", "gone")
        return raw

    def _history(self, channel: str, earliest: int) -> Iterator[Json]:
        """Posts made at or after `earliest` (ms), newest first, all pages, some twice; half a search is no "not there".

        Not by `since`, which leaves out what is beyond 1,000 posts and takes in old ones that were edited. `before` is
        by the millisecond, so the next page begins above the last one of this page. An empty `prev_post_id` alone is no
        end: the server leaves it empty when it could not look (server/channels/app/post.go).
        """
        path = f"channels/{checked(channel)}/posts"
        query: dict[str, str | int] = {"per_page": PAGE}
        for _ in range(PAGES):
            page = self._in_channel(partial(self._call, "GET", path, **query))
            posts = in_order(page)
            yield from posts
            oldest = min(map(made_at, posts), default=0)
            if oldest < earliest or (len(posts) < PAGE and page.get("prev_post_id") == ""):
                return
            above = [post for post in posts if made_at(post) > oldest]
            if not above and len(posts) >= PAGE:
                break
            query["before"] = id_of(above[-1] if above else posts[-1])
        raise unknown("mattermost", "unreadable")

    def _thread(self, thread: Posted) -> Sequence[Json]:
        """The whole thread in one answer. PermanentError `gone`: it was deleted, with all that stood in it."""
        answer = self._call("GET", f"posts/{checked(thread.ts)}/thread")
        if flag(answer.get("has_next")):
            raise unknown("mattermost", "unreadable")
        return in_order(answer)

    def _is_member(self, user: str, channel: str) -> bool:
        """Raises PermanentError `forbidden` when we may not look."""
        try:
            raw = self._call("GET", f"channels/{checked(channel)}/members/{checked(user)}")
        except PermanentError as error:
            if error.reason == "gone":
                return False
            raise
        if raw.get("user_id") != user:
            raise unknown("mattermost", "unreadable")
        return True

    def _in_channel(self, call: Callable[[], Json]) -> Json:
        """What is refused here is refused because of the channel: not there, or the bot is not in it."""
        try:
            return call()
        except PermanentError as error:
            if error.reason != "forbidden" and (error.reason, error.status) != ("gone", 404):
                raise
            status = error.status
        raise permanent("mattermost", "channel", status)

    def _call(self, verb: str, path: str, body: object = None, **query: str | int) -> Json:
        answer = self._session.request(verb, self._base + path, json=body, params=query, allow_redirects=False)
        found = read_object(answer.content)
        if found is None:
            raise unknown("mattermost", "unreadable", answer.status_code)
        return found

    @property
    def _session(self) -> requests.Session:
        """This thread's session."""
        found: requests.Session | None = getattr(self._here, "session", None)
        if found is None:
            found = self._here.session = requests.Session()
            prepare(found, self._wire)
            found.headers["Accept"] = "application/json"
            found.headers["Authorization"] = f"Bearer {self._token}"
        return found


def before(call: Callable[[], T]) -> T:
    """A call that only prepares a write: whatever becomes of it, the write itself was surely not sent."""
    try:
        return call()
    except UnknownOutcomeError as error:
        failed = error
    raise not_applied("mattermost", failed.reason, failed.status)


def checked(value: str) -> str:
    """An id that cannot change a path. PermanentError `gone` before anything is sent: nothing can have such an id."""
    if not ID.fullmatch(value):
        raise permanent("mattermost", "gone")
    return value


def id_of(raw: Json) -> str:
    found = text(raw.get("id"))
    if not ID.fullmatch(found):
        raise unknown("mattermost", "unreadable")
    return found


def made_at(post: Json) -> int:
    """Unix milliseconds."""
    found = number(post.get("create_at"))
    if found is None:
        raise unknown("mattermost", "unreadable")
    return found


def deleted(raw: Json) -> bool:
    """Deleted, deactivated, archived; a time that cannot be read counts as one."""
    return raw.get("delete_at", 0) != 0


def in_order(page: Json) -> list[Json]:
    """The posts that a list is about; `posts` may hold others as well (the roots of threads)."""
    order, posts = page.get("order"), page.get("posts")
    if not isinstance(order, list) or not (isinstance(posts, dict) or not order):
        raise unknown("mattermost", "unreadable")
    found = [mapping(mapping(posts).get(text(name))) for name in order]
    if not all(found):
        raise unknown("mattermost", "unreadable")
    return found


def actions_of(its: Json) -> frozenset[str]:
    """Ids of the buttons on a post; clients are shown them without what they call (M8)."""
    attachments = map(mapping, items(its.get("attachments")))
    return texts([mapping(action).get("id") for each in attachments for action in items(each.get("actions"))])

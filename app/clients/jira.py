"""JIRA through the jira library: its own retries and prefetches off, issues found again by our label.

Facts: chat-and-jira.md J1 to J35. Nothing is ever built on an answer's `self` (J3, J4), and answers are read as JSON
here rather than through the library's resources, which send requests of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from jira import JIRA
from jira.exceptions import JIRAError

from app.clients.http import OverWire, Wire, prepare, retries
from app.clients.outcome import read_object, unknown
from app.clients.shape import items, mapping, number, text, texts
from app.clients.types import Issue
from app.errors import PermanentError, VendorError
from app.settings import Settings

KEY = re.compile(r"[A-Z][A-Z0-9_]{1,9}-[0-9]{1,9}", re.ASCII)  # bad-inputs.md J022
LABEL = re.compile(r"[A-Za-z0-9-]{1,255}", re.ASCII)  # ours are such; so nothing of a user gets into JQL
SUMMARY_LIMIT = 255
PAGES = 100
FIELDS = "status,resolution,labels"
_PARSING = (JIRAError, ValueError, AttributeError, TypeError, KeyError)

Json = Mapping[str, object]
T = TypeVar("T")


class JiraClient(OverWire):
    """`app.clients.types.Jira`, Cloud or Data Center, for many threads. Making one sends nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._project = settings.jira_project
        super().__init__(Wire("jira", settings))
        self._cloud: bool | None = None

    @property
    def library_retries(self) -> int:
        """How often the library would send a request again by itself; 0 is what we made it."""
        return int(self._client._session.max_retries) + retries(self._client._session)

    def create(self, *, label: str, summary: str, description: str) -> Issue:
        """One POST, nothing before or after it. The label is in the create itself: `find` needs it afterwards."""
        fields = {
            "project": {"key": self._project},
            "issuetype": {"name": self._settings.jira_issue_type},
            "summary": " ".join(summary.split())[:SUMMARY_LIMIT],
            "description": description,
            "labels": [_checked(LABEL, label)],
        }
        raw = mapping(_library(lambda: self._client.create_issue(fields=fields, prefetch=False).raw))
        key, id_ = text(raw.get("key")), number(raw.get("id"))
        if not KEY.fullmatch(key) or not key.startswith(f"{self._project}-") or id_ is None:
            raise unknown("jira", "unreadable")
        return Issue(id=str(id_), key=key, status="", category="new", resolution="", labels=frozenset({label}))

    def find(self, label: str) -> Sequence[Issue]:
        """Issues of our project with this label, lowest key first. The index lags: absent proves nothing yet (J22)."""
        jql = f'project = "{self._project}" AND labels = "{_checked(LABEL, label)}" ORDER BY created ASC'
        found = [_issue(mapping(raw)) for page in self._search(jql) for raw in items(page.get("issues"))]
        ours = [issue for issue in found if label in issue.labels and issue.key.startswith(f"{self._project}-")]
        return sorted(ours, key=lambda issue: int(issue.key.rpartition("-")[2]))

    def issue(self, key: str) -> Issue:
        """The issue as it is now; a moved one answers with its new key. Raises PermanentError `gone`."""
        return _issue(self._get(f"issue/{_checked(KEY, key)}", fields=FIELDS))

    def comment(self, key: str, body: str, *, op_id: str) -> str:
        """Add one comment whose last line is our mark; answers the comment's id."""
        marked = f"{body.rstrip()}\n\n{_mark(op_id)}"
        raw = mapping(_library(lambda: self._client.add_comment(_checked(KEY, key), marked).raw))
        found = number(raw.get("id"))
        if found is None or _last_line(raw.get("body")) not in ("", _mark(op_id)):
            raise unknown("jira", "unreadable")
        return str(found)

    def find_comment(self, key: str, op_id: str) -> str | None:
        """The id of our comment with this mark; all pages are read, so None means that it is not there."""
        mark = _mark(op_id)
        for raw in self._comments(_checked(KEY, key)):
            found = number(raw.get("id"))
            if found is not None and _last_line(raw.get("body")) == mark:
                return str(found)
        return None

    def link(self, key: str, *, global_id: str, url: str, title: str) -> None:
        """A remote link, made or renewed by its global id (J27). The library has no such call without extra GETs."""
        body = {"globalId": global_id, "object": {"url": url, "title": title}}
        path = f"issue/{_checked(KEY, key)}/remotelink"
        answer = self._raw(lambda client: client._session.post(client._get_url(path), json=body))
        if number(answer.get("id")) is None:
            raise unknown("jira", "unreadable")

    def me(self) -> str:
        """The account the credentials belong to: accountId on Cloud, the user's key or name on Data Center."""
        answer = self._get("myself")
        found = text(answer.get("accountId")) or text(answer.get("key")) or text(answer.get("name"))
        if not found:
            raise unknown("jira", "unreadable")
        return found

    def project(self) -> None:
        """Look at the configured project; raises PermanentError `gone` when there is none that we may see."""
        if text(self._get(f"project/{self._project}").get("key")) != self._project:
            raise unknown("jira", "unreadable")

    def _search(self, jql: str) -> Iterator[Json]:
        """All pages, on Cloud by token at search/jql, on Data Center by number at search (J21).

        A site that has not the one it should have is asked for the other.
        """
        pages = self._paged(jql)
        try:
            first = next(pages)
        except PermanentError as error:
            if error.reason != "gone":
                raise
            self._cloud = not self._is_cloud
            pages = self._paged(jql)
            first = next(pages)
        yield first
        yield from pages

    def _paged(self, jql: str) -> Iterator[Json]:
        path, at = ("search/jql", {}) if self._is_cloud else ("search", {"startAt": "0"})
        seen = 0
        for _ in range(PAGES):
            page = self._get(path, jql=jql, fields=FIELDS, maxResults="50", **at)
            found = page.get("issues")
            if not isinstance(found, list):
                raise unknown("jira", "unreadable")
            yield page
            seen += len(found)
            token = text(page.get("nextPageToken"))
            if path == "search/jql" and token:
                at = {"nextPageToken": token}
            elif path == "search" and found and seen < (number(page.get("total")) or 0):
                at = {"startAt": str(seen)}
            else:
                return
        raise unknown("jira", "unreadable")

    def _comments(self, key: str) -> Iterator[Json]:
        seen = 0
        for _ in range(PAGES):
            page = self._get(f"issue/{key}/comment", startAt=str(seen), maxResults="100")
            found = page.get("comments")
            if not isinstance(found, list):
                raise unknown("jira", "unreadable")
            yield from map(mapping, found)
            seen += len(found)
            if not found or seen >= (number(page.get("total")) or 0):
                return
        raise unknown("jira", "unreadable")

    @property
    def _is_cloud(self) -> bool:
        """Asked once; Data Center says Server. A site that does not say: Cloud has users, Data Center tokens alone."""
        if self._cloud is None:
            try:
                kind = text(self._get("serverInfo").get("deploymentType"))
            except PermanentError:
                kind = ""
            self._cloud = kind == "Cloud" if kind else bool(self._settings.jira_user)
        return self._cloud

    def _get(self, path: str, **params: str) -> Json:
        return self._raw(lambda client: client._session.get(client._get_url(path), params=params))

    def _raw(self, call: Callable[[Any], Any]) -> Json:
        return read_object(_library(lambda: call(self._client).content)) or {}

    @property
    def _client(self) -> Any:
        """This thread's client of the library."""
        found = getattr(self._here, "client", None)
        if found is None:
            given = self._settings
            token = given.jira_token.get_secret_value()
            found = JIRA(
                options={"server": given.jira_url, "check_update": False},
                basic_auth=(given.jira_user, token) if given.jira_user else None,
                token_auth=None if given.jira_user else token,
                max_retries=0,
                timeout=(given.connect_timeout, given.read_timeout),
                get_server_info=False,
                logging=False,  # it logs whole bodies at ERROR
            )
            prepare(found._session, self._wire)
            self._here.client = found
        return found


def _issue(raw: Json) -> Issue:
    """An issue of a GET or a search. Categories that JIRA may add one day count as still open."""
    fields = mapping(raw.get("fields"))
    status = mapping(fields.get("status"))
    key, id_ = text(raw.get("key")), number(raw.get("id"))
    if not KEY.fullmatch(key) or id_ is None or not text(status.get("name")):
        raise unknown("jira", "unreadable")
    category = text(mapping(status.get("statusCategory")).get("key"))
    return Issue(
        id=str(id_),
        key=key,
        status=text(status.get("name")),
        category=category if category in ("new", "done") else "indeterminate",
        resolution=text(mapping(fields.get("resolution")).get("name")),
        labels=texts(fields.get("labels")),
    )


def _checked(pattern: re.Pattern[str], value: str) -> str:
    """The value, if it cannot change a path or a query. Raises PermanentError `rejected` before anything is sent."""
    if not pattern.fullmatch(value):
        raise PermanentError("jira: not a key or label of ours", "rejected", vendor="jira")
    return value


def _mark(op_id: str) -> str:
    return f"desk-op: {_checked(LABEL, op_id)}"


def _last_line(body: object) -> str:
    lines = text(body).strip().splitlines()
    return lines[-1].strip() if lines else ""


def _library(call: Callable[[], T]) -> T:
    """Call the library. Our wire has raised every refusal; what the library trips over is an unreadable answer."""
    try:
        return call()
    except VendorError:
        raise
    except _PARSING:
        pass  # its texts hold bodies, ours and the vendor's: raised below, outside, so that they are no context either
    raise unknown("jira", "unreadable")

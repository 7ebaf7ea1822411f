"""What all pages share: the desk, the words, the way back after an action, and what every template may use."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn, cast
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer
from markupsafe import Markup
from werkzeug.exceptions import NotFound

from app.admin import filters, shown, words
from app.admin.accounts import allows
from app.admin.counts import CAP
from app.admin.filters import Filter
from app.admin.guard import needs
from app.web.door import Door

if TYPE_CHECKING:
    from app.desk import Desk

View = Callable[..., ResponseReturnValue]
LIVE = "X-Live"  # what static/live.js sends with a page that it asks for by itself
NOTICE_LIFE = 60  # seconds in which a page says what was just done
VIEWER, OPERATOR, OFFICER = "viewer", "operator", "officer"
NAV = (
    ("overview", "Overview"),
    ("events", "Events"),
    ("cases", "Cases"),
    ("failures", "Failures"),
    ("letters", "Unusable bodies"),
    ("schedules", "Schedules"),
    ("vendors", "Third parties"),
    ("trail", "Audit trail"),
)


@dataclass(frozen=True)
class Site:
    """One web process. `desk` is looked into when somebody asks, never before."""

    routes: Blueprint
    door: Door

    @property
    def desk(self) -> Desk:
        return cast("Desk", self.door.desk)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.door.settings.desk_time_zone)

    def get(self, rule: str, name: str, view: View, role: str = VIEWER) -> None:
        """A page: it changes nothing."""
        self._add("GET", rule, name, _looked_at(role, view))

    def post(self, rule: str, name: str, view: View, role: str, *, fresh: bool = False) -> None:
        """An action. `fresh`: the person must have shown a moment ago who they are."""
        self._add("POST", rule, name, needs(role, fresh=fresh)(view))

    def _add(self, method: str, rule: str, name: str, view: View) -> None:
        self.routes.add_url_rule(rule, name, view, methods=[method], provide_automatic_options=False)

    def page(self, template: str, section: str, **values: Any) -> str:
        """`section`: the entry of the navigation that this page belongs to."""
        return render_template(f"admin/{template}.html", section=section, **values)

    def back(self, said: str, endpoint: str, *, values: Mapping[str, object] | None = None, **at: Any) -> Response:
        """303 to a page that then says what was done: pressed again, F5 asks for that page only."""
        token = self._notices().dumps([said, dict(values or {})], salt=_salt())
        answer = redirect(url_for(f".{endpoint}", said=token, **at), 303)
        return cast(Response, answer)

    def notice(self) -> str:
        """What was done a moment ago in this session; a link that somebody made up says nothing."""
        try:
            key, values = self._notices().loads(request.args.get("said", ""), max_age=NOTICE_LIFE, salt=_salt())
        except BadData:
            return ""
        return words.load().notice(key, values)

    def sign(self, what: str, value: object) -> str:
        """A mark for a form, of this session: it shows that the step before was taken."""
        return str(self._notices().dumps(value, salt=f"{what}:{_salt()}"))

    def signed(self, what: str, mark: str, seconds: int) -> object:
        """The value of a mark, None when it is not one of ours or too old."""
        try:
            return self._notices().loads(mark, max_age=seconds, salt=f"{what}:{_salt()}")
        except BadData:
            return None

    def _notices(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.door.settings.secret_key.get_secret_value())

    def filter(self, given: Mapping[str, str], **known: Any) -> Filter:
        return filters.read(given, self.zone, **known)

    def context(self) -> dict[str, Any]:
        """What every template may use."""
        account, session = g.get("account"), g.get("session")
        say = words.load()
        return {
            "me": account,
            "csrf": session.csrf if session else "",
            "may": lambda role: account is not None and allows(account.role, role),
            "nav": NAV,
            "notice": self.notice() if session else "",
            "say": say.say,
            "cause": say.cause,
            "timer_words": say.timer,
            "when": self.when,
            "capped": capped,
            "plain": plain,
            "here": self._here(),
            "ticket_url": lambda number: f"{self.door.settings.zendesk_url}/agent/tickets/{int(number)}",
            "zone_name": self.door.settings.desk_time_zone,
            "minute": int(time.time() // 60),
        }

    def _here(self) -> str:
        """The address of this page, without what was said on it; of the page before when this is an action's answer."""
        if request.method != "GET":
            return url_for("admin.overview")
        kept = "&".join(
            part for part in request.query_string.decode("ascii", "replace").split("&") if part[:5] != "said="
        )
        return request.path + (f"?{kept}" if kept else "")

    def when(self, at: datetime | None) -> Markup:
        """A time in the desk's zone, with the UTC time for machines and for whoever hovers."""
        if at is None:
            return Markup("")
        utc = at.astimezone(UTC)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            utc.isoformat(timespec="seconds"),
            utc.strftime("%Y-%m-%d %H:%M:%S UTC"),
            at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S"),
        )


def _looked_at(role: str, view: View) -> View:
    """A page that asks for itself again and again keeps no session alive: nobody may be sitting there."""
    here, by_itself = needs(role)(view), needs(role, touch=False)(view)

    @functools.wraps(here)
    def either(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        return (by_itself if LIVE in request.headers else here)(*args, **kwargs)

    return either


def wrong(words: str) -> NoReturn:
    """400, with a sentence that says what to do instead."""
    abort(shown.error(400, words=words))


def capped(count: int) -> str:
    """Nothing is counted further."""
    return f"{CAP:,} or more" if count >= CAP else f"{count:,}"


def plain(value: object, indent: int | None = None) -> str:
    """A small document of ours as text; Jinja escapes it."""
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)


def identity(text: str) -> int:
    """The id in an address; what cannot be one is not there. Raises NotFound."""
    if not filters.is_number(text):
        raise NotFound
    return int(text)


def _salt() -> str:
    return f"desk-admin:{g.session.csrf}"

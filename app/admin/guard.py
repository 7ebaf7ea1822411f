"""Who is asking, and may they: every admin route but login stands behind `needs`, or the desk does not start.

    @routes.post("/events/<int:event_id>/replay")
    @guard.needs("operator")
    def replay(event_id: int) -> ResponseReturnValue:
        given = guard.form("reason")
        with guard.desk().db.tx() as conn: ...

Within such a view `flask.g.account` and `flask.g.session` are there, `who()` is the actor of its audit rows, and a POST
has brought its session's token. Source: bad-inputs A001, A012-A020, A026; faults.md ASVS 3.5, 7, 8.
"""

from __future__ import annotations

import functools
import hmac
import logging
import re
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any, ParamSpec, cast
from urllib.parse import urlsplit

from flask import current_app, g, redirect, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.wrappers import Response

from app import audit
from app.admin import sessions, shown
from app.admin.origin import origin
from app.admin.roles import ROLES, allows
from app.admin.sessions import Session
from app.web.door import Door
from app.web.guard import read_body

if TYPE_CHECKING:
    from app.desk import Desk

__all__ = ["HOME", "allows", "anybody", "current", "desk", "door", "form", "here", "needs", "onward", "who"]

log = logging.getLogger(__name__)

HOME = "/admin/"
COOKIE = "__Host-desk"
FORM = 16_384  # bytes of a form (A004)
LONGEST = 2_000  # characters of a field, if the view does not say otherwise
NOT_ONWARD = frozenset({"admin.login", "admin.confirm", "admin.static", "admin.oidc", "admin.oidc_back"})
_MARK = "_desk_role"
_PATH = re.compile(r"/admin/[A-Za-z0-9/_.-]{0,200}", re.ASCII)
_QUERY = re.compile(r"[A-Za-z0-9_.~%=&+:,@/-]{0,1000}", re.ASCII)
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]


def door() -> Door:
    return cast(Door, current_app.extensions["door"])


def desk() -> Desk:
    """The desk of this process: its database, vault and settings."""
    return cast("Desk", door().desk)


# ---- who may


def needs(role: str, fresh: bool = False, *, touch: bool = True) -> Callable[[View[P]], View[P]]:
    """For views of people with this role or more. `fresh`: password and code were shown in the last ten minutes;
    `touch`: False for what a page asks by itself, which keeps no session alive."""
    assert role in ROLES

    def decorate(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            refusal = _refusal(role, fresh=fresh, touch=touch)
            return view(*args, **kwargs) if refusal is None else refusal

        setattr(guarded, _MARK, role)
        return guarded

    return decorate


def anybody(view: View[P]) -> View[P]:
    """Marks a view that is there for people who are not logged in. Its forms still must come from a page of ours."""

    @functools.wraps(view)
    def open_view(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if _changes():
            read_form()
            if cross_site():
                return refused("csrf")
        return view(*args, **kwargs)

    setattr(open_view, _MARK, "anybody")
    return open_view


def check_all(state: BlueprintSetupState) -> None:
    """Raises RuntimeError at start when a view of ours was registered without a word on who may call it."""
    prefix = f"{state.blueprint.name}."
    bare = [
        name
        for name, view in state.app.view_functions.items()
        if name.startswith(prefix) and name != f"{prefix}static" and not hasattr(view, _MARK)
    ]
    if bare:
        raise RuntimeError(f"nobody is asked who they are by {', '.join(sorted(bare))}")


def current(*, touch: bool = False) -> Session | None:
    """The live session of this request's cookie; looked for once a request. Sets `g.session` and `g.account`."""
    if "session" not in g:
        g.session = g.account = None
        if token := request.cookies.get(COOKIE, ""):
            with desk().db.each() as conn:
                g.session = sessions.find(conn, desk().vault, token, touch=touch)
        if g.session is not None:
            g.account = g.session.account
    return cast("Session | None", g.session)


def here() -> str:
    """Where this request came from."""
    return origin(door().settings.admin_proxies)


def who() -> audit.Actor:
    """Who acts in this request; without a session: nobody."""
    account = g.get("account")
    return audit.Actor(account.name, account.role, here()) if account else audit.Actor("nobody", "none", here())


def _refusal(role: str, *, fresh: bool, touch: bool) -> ResponseReturnValue | None:
    session = current(touch=touch)
    if session is None:
        return _to("admin.login")
    if _changes():
        read_form()
    if not allows(session.account.role, role):
        return refused("role")
    if _changes() and (cross_site() or not _brought_token(session)):
        return refused("csrf")
    if fresh and not session.fresh:
        return _confirm_first()
    return None


def refused(reason: str) -> ResponseReturnValue:
    """403, and in the audit trail when it is somebody we know. `reason`: a slug."""
    log.warning("admin.denied", extra={"reason": reason, "route": shown.route(), "method": request.method})
    if g.get("account"):
        with desk().db.tx() as conn:
            said = {"reason": reason, "method": request.method}
            audit.write(conn, desk().vault, who(), "refused", f"route:{shown.route()}", after=said)
    return shown.error(403)


def _confirm_first() -> ResponseReturnValue:
    if not _changes():
        return _to("admin.confirm")
    to = onward(request.form.get("next") or request.path)
    words = "This needs your password and code again: you showed them more than ten minutes ago. Nothing was done."
    return shown.error(403, words=words, link=(url_for("admin.confirm", next=to), "Show who you are"))


# ---- what was sent


def _changes() -> bool:
    return request.method not in ("GET", "HEAD")


def read_form() -> None:
    """Take the whole body in, once. Raises RefusedRequest: without a length, too large, cut short."""
    if "form_read" not in g:
        body = read_body(request, FORM)
        request.environ["wsgi.input"] = BytesIO(body)
        g.form_read = True


def form(*names: str, longest: int = LONGEST) -> dict[str, str]:
    """These fields of the form, '' for one that is not there; of several with one name the first. What else was sent is
    not looked at, and that it was sent is written down (A020). Raises BadRequest: longer than `longest` characters, or
    with control characters."""
    _tell_unknown({name for name in request.form if name not in names and name != "csrf"})
    found = {name: request.form.get(name, "") for name in names}
    if any(len(value) > longest or _CONTROL.search(value) for value in found.values()):
        raise BadRequest
    return found


def _tell_unknown(unknown: set[str]) -> None:
    if not unknown or not g.get("account"):
        return
    fields: list[Any] = sorted({name if _FIELD.fullmatch(name) else "?" for name in unknown})[:10]
    with desk().db.tx() as conn:
        audit.write(conn, desk().vault, who(), "form.unknown", f"route:{shown.route()}", after={"fields": fields})


def _brought_token(session: Session) -> bool:
    """In the form or in a header; never in the address, which is logged and passed on."""
    given = request.headers.get("X-CSRF") or request.form.get("csrf", "")
    return hmac.compare_digest(given.encode(), session.csrf.encode())


def cross_site() -> bool:
    """Whether the browser says that a page of somebody else has sent this. Older ones name the origin, or nothing."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin", "null")
    return origin != "null" and urlsplit(origin).netloc not in (
        request.host,
        urlsplit(door().settings.public_url).netloc,
    )


# ---- where to


def _to(endpoint: str) -> Response:
    """There, and from there back to the page that was asked for; what a POST wanted is not repeated."""
    query = request.query_string.decode("ascii", "replace")
    asked = request.path + (f"?{query}" if query else "")
    to = HOME if _changes() else onward(asked)
    return redirect(url_for(endpoint, next=None if to == HOME else to), 303)


def onward(wanted: str) -> str:
    """A page of ours to go to; HOME for whatever is none (A026)."""
    path, _, query = wanted.partition("?")
    if not _PATH.fullmatch(path) or not _QUERY.fullmatch(query):
        return HOME
    try:
        endpoint, _values = current_app.url_map.bind("desk").match(path, method="GET")
    except HTTPException:  # a redirect to another spelling is one too
        return HOME
    if not endpoint.startswith("admin.") or endpoint in NOT_ONWARD:
        return HOME
    return f"{path}?{query}" if query else path


def with_cookie(answer: Response, token: str) -> Response:
    """Gives the browser its session, or with '' takes it away (A012)."""
    if token:
        answer.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="Strict")
    else:
        answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Strict")
    return answer

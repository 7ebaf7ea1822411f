"""Login with the company's own accounts. Who is known by subject has the role that `desk admin add` gave; with
OIDC_ROLES the provider's claim gives it, at every login anew. Nobody without a role gets in.

What a login must come back with travels in a signed cookie of ten minutes. It is SameSite=Lax: the provider's page
leads back here, and with Strict the browser would leave it out. Source: docs/adr/0006-admin.md; app/admin/provider.py.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from dataclasses import astuple, dataclass, replace
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from app import audit
from app.admin import accounts, login, shown
from app.admin.accounts import Account
from app.admin.guard import anybody, current, desk, door, here, onward, with_cookie
from app.admin.provider import Provider, ProviderError, Started
from app.admin.roles import ROLES
from app.db import Connection
from app.settings import Settings
from app.web.door import Door

log = logging.getLogger(__name__)

COOKIE = "__Host-desk-oidc"
LIFE = 600  # seconds
BACK = "/admin/oidc/back"
STATUS = {"provider": 503, "provider_busy": 503, "token": 403, "nobody": 403, "ended": 403}


Change = tuple[str, str | None, str]  # action of the audit trail, role before, role after


@dataclass(frozen=True)
class Kept:
    """In the cookie. `to`: the page to go to; `again`: hex of the session that is to be fresh again, or ''; `at`: when
    it began, epoch seconds."""

    started: Started
    to: str
    again: str
    at: int


def register(routes: Blueprint, door: Door) -> None:
    settings = door.settings
    provider = Provider(settings, settings.public_url + BACK)
    signer = URLSafeTimedSerializer(settings.secret_key.get_secret_value(), salt="deletion-desk.oidc")

    def start() -> ResponseReturnValue:
        return _start(provider, signer)

    def back() -> ResponseReturnValue:
        return _back(provider, signer)

    routes.add_url_rule("/oidc", "oidc", anybody(start), methods=["GET"])
    routes.add_url_rule("/oidc/back", "oidc_back", anybody(back), methods=["GET"])


def _start(provider: Provider, signer: URLSafeTimedSerializer) -> ResponseReturnValue:
    if wait := login.too_many(""):
        return shown.error(429, {"Retry-After": str(wait)})
    asking = current() if "confirm" in request.args else None
    again = asking.digest.hex() if asking else ""
    kept = Kept(Started.new(), onward(request.args.get("next", "")), again, int(door().clock()))
    try:
        address = provider.address(kept.started, anew=bool(again))
    except ProviderError as failed:
        return _not_in(failed.reason)
    text = signer.dumps([list(astuple(kept.started)), kept.to, kept.again, kept.at])
    answer = redirect(address, 303)
    answer.set_cookie(COOKIE, str(text), max_age=LIFE, path="/", secure=True, httponly=True, samesite="Lax")
    return answer


def _back(provider: Provider, signer: URLSafeTimedSerializer) -> ResponseReturnValue:
    kept = _read(signer)
    given = {name: value[:4000] for name, value in request.args.items()}
    if kept is None or not hmac.compare_digest(given.get("state", "").encode(), kept.started.state.encode()):
        return _not_in("ended")
    try:
        claims = provider.person(kept.started, given)
        with desk().db.tx() as conn:
            account, change = _account(conn, door().settings, claims)
            token = _again(conn, account, kept, claims) if kept.again else login.begin(conn, account)
            if change:  # last: until the end nobody else writes a row of the audit trail
                _note(conn, account.name, *change)
    except ProviderError as failed:
        return _not_in(failed.reason)
    return _without(with_cookie(login.again(kept.to, "You are logged in"), token))


def _read(signer: URLSafeTimedSerializer) -> Kept | None:
    try:
        started, to, again, at = signer.loads(request.cookies.get(COOKIE, ""), max_age=LIFE)
        return Kept(Started(*started), onward(to), str(again), int(at))
    except (BadData, ValueError, TypeError):
        return None


def _account(conn: Connection, settings: Settings, claims: dict[str, Any]) -> tuple[Account, Change | None]:
    """Whose login this is, with the role of today, and what the provider's claim has changed here.

    Raises ProviderError, reason `nobody`.
    """
    subject = f"{settings.oidc_issuer}|{claims['sub']}"
    account = accounts.known(conn, subject)
    own = account.role if account else None
    role = _role(settings, claims) if settings.oidc_roles else own
    if role is None or (account and account.disabled):
        raise ProviderError("this person has no role here", "nobody")
    if account is None:
        return accounts.add_known(conn, _name(conn, claims, subject), role, subject), ("account.added", None, role)
    if account.role == role:
        return account, None
    accounts.set_role(conn, account.id, role)
    return replace(account, role=role), ("account.role", account.role, role)


def _note(conn: Connection, name: str, action: str, before: str | None, after: str) -> None:
    was = {} if before is None else {"role": before}
    by = {"role": after, "by": "oidc"}
    audit.write(conn, desk().vault, audit.DESK, action, f"account:{name}", before=was, after=by)


def _role(settings: Settings, claims: dict[str, Any]) -> str | None:
    """The highest role that the claim's values have."""
    given = claims.get(settings.oidc_claim)
    groups = given if isinstance(given, list) else [given]
    roles = [settings.oidc_roles[group] for group in groups if isinstance(group, str) and group in settings.oidc_roles]
    return max(roles, key=ROLES.index) if roles else None


def _name(conn: Connection, claims: dict[str, Any], subject: str) -> str:
    """A name that people know; with a mark of its own when somebody else has it."""
    given = next((claims[name] for name in ("preferred_username", "email") if isinstance(claims.get(name), str)), "")
    name = re.sub(r"[^a-z0-9._@+-]", "-", given.lower())[:50].lstrip("._@+-")
    if name and accounts.find(conn, name) is None:
        return str(name)
    return f"{name or 'oidc'}-{hashlib.sha256(subject.encode()).hexdigest()[:8]}"


def _again(conn: Connection, account: Account, kept: Kept, claims: dict[str, Any]) -> str:
    """The session that asked is fresh again, if the same person has just shown who they are. Raises ProviderError."""
    digest = bytes.fromhex(kept.again)
    asked = conn.execute("SELECT account_id FROM sessions WHERE digest = %s", (digest,)).fetchone()
    shown_at = claims.get("auth_time")
    if asked is None or asked["account_id"] != account.id:
        raise ProviderError("somebody else has come back", "ended")
    if not isinstance(shown_at, int | float) or shown_at < kept.at - 60:
        raise ProviderError("the provider did not ask who it is", "token")
    token = login.confirmed(conn, account, digest)
    if token is None:
        raise ProviderError("the session has ended", "ended")
    return token


def _not_in(reason: str) -> ResponseReturnValue:
    log.warning("admin.oidc_refused", extra={"reason": reason})
    if reason in ("token", "nobody"):
        with desk().db.tx() as conn:
            actor = audit.Actor("nobody", "none", here())
            audit.write(conn, desk().vault, actor, "login.refused", "account:?", after={"reason": reason})
    words = {
        "nobody": "You are known there, but have no role here. Somebody who runs the desk can give you one.",
        "ended": "That login took too long, or was begun elsewhere. Begin once more.",
    }.get(reason, "The identity provider could not be asked, or its answer was not to be believed.")
    status = STATUS.get(reason, 403)
    headers = {"Retry-After": "5"} if status == 503 else None
    return _without(shown.error(status, headers, words=words, link=(url_for("admin.login"), "To the login")))


def _without(answer: Response) -> Response:
    """The cookie has done its work."""
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
    return answer

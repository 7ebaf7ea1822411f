"""Login, logout, and showing once more who you are: name, password and code in one form, and one answer to all that is
wrong. Source: docs/adr/0006-admin.md; bad-inputs A002-A008, A011.
"""

from __future__ import annotations

import logging

from flask import Blueprint, Response, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app import audit
from app.admin import accounts, attempts, passwords, sessions, shown
from app.admin.accounts import Proof
from app.admin.guard import (
    COOKIE,
    anybody,
    cross_site,
    current,
    desk,
    door,
    form,
    here,
    needs,
    onward,
    who,
    with_cookie,
)
from app.db import Connection
from app.web.door import Door

log = logging.getLogger(__name__)

WRONG = "Name, password or code is wrong, or the code was used before."
CHALLENGE = {"WWW-Authenticate": 'Session realm="desk"'}


def register(routes: Blueprint, door: Door) -> None:
    routes.add_url_rule("/login", "login", anybody(_login), methods=["GET"])
    routes.add_url_rule("/login", "login_sent", anybody(_login_sent), methods=["POST"])
    routes.add_url_rule("/logout", "logout", needs("viewer")(_logout), methods=["POST"])
    routes.add_url_rule("/confirm", "confirm", needs("viewer")(_confirm), methods=["GET"])
    routes.add_url_rule("/confirm", "confirm_sent", needs("viewer")(_confirm_sent), methods=["POST"])
    if door.settings.oidc_issuer:  # its packages are loaded by those who use them
        from app.admin import oidc

        oidc.register(routes, door)


def _login() -> ResponseReturnValue:
    to = onward(request.args.get("next", ""))
    if current() is not None:
        return redirect(to, 303)
    if cross_site():
        # Somebody follows a link in a chat, and SameSite=Strict keeps the cookie back; asked for by a page of ours, the
        # browser sends it.
        return again(url_for("admin.login", next=to), "Opening the desk")
    return _form(to)


def again(address: str, title: str) -> Response:
    """A page that leads on at once, so that it is a page of ours that asks for the next."""
    return shown.page("admin/again.html", address=address, title=title)


def _form(to: str, status: int = 200, name: str = "") -> ResponseReturnValue:
    with desk().db.each() as conn:
        local = accounts.any_local(conn)
    return shown.page(
        "admin/login.html",
        status,
        CHALLENGE if status == 401 else None,
        to=to,
        name=name,
        local=local,
        issuer=door().settings.oidc_issuer,
        wrong=WRONG if status == 401 else "",
    )


def _login_sent() -> ResponseReturnValue:
    given = form("name", "password", "code", "next")
    name, to = given["name"].strip().lower(), onward(given["next"])
    with passwords.in_line():
        if wait := too_many(name):
            return shown.error(429, {"Retry-After": str(wait)})
        proof = accounts.proof(desk().db, desk().vault, name, given["password"], given["code"], door().clock())
        token = _begun(proof) if proof else ""
    if not token:
        _denied("login.refused", name)
        return _form(to, 401, given["name"])
    return with_cookie(redirect(to, 303), token)


def too_many(name: str) -> int:
    """Counts one try of this name from this address. 0: go on; else the seconds to wait."""
    with desk().db.each() as conn:
        taken = attempts.take(conn, desk().vault, name, here())
    if taken.first:
        door().alarm("desk", "login")
        with desk().db.tx() as conn:
            audit.write(conn, desk().vault, who(), "login.blocked", _target(conn, name))
    return taken.wait


def _begun(proof: Proof) -> str:
    """The token of a new session; '' when the code was used in this very moment by somebody else."""
    with desk().db.tx() as conn:
        return begin(conn, proof.account) if accounts.take(conn, proof) else ""


def begin(conn: Connection, account: accounts.Account) -> str:
    """A new session, whatever cookie came with the request (A008); with its audit row."""
    vault, origin = desk().vault, here()
    sessions.end_of(conn, vault, request.cookies.get(COOKIE, ""))
    token = sessions.begin(conn, vault, account.id, origin)
    attempts.give_back(conn, vault, account.name, origin)
    attempts.sweep(conn)
    sessions.sweep(conn)
    actor = audit.Actor(account.name, account.role, origin)
    audit.write(conn, vault, actor, "login", f"account:{account.name}")
    return token


def _denied(action: str, name: str) -> None:
    log.warning("admin.login_refused", extra={"reason": action})
    with desk().db.tx() as conn:
        audit.write(conn, desk().vault, who(), action, _target(conn, name))


def _target(conn: Connection, name: str) -> str:
    """Only a name that is an account's is written down: people type their password into the wrong field."""
    found = accounts.find(conn, name)
    return f"account:{found.name}" if found else "account:?"


def _logout() -> ResponseReturnValue:
    with desk().db.tx() as conn:
        sessions.end(conn, g.session.digest)
        audit.write(conn, desk().vault, who(), "logout", f"account:{g.account.name}")
    return with_cookie(redirect(url_for("admin.login"), 303), "")


def _confirm() -> ResponseReturnValue:
    return _confirm_form(onward(request.args.get("next", "")))


def _confirm_form(to: str, status: int = 200) -> ResponseReturnValue:
    wrong = WRONG if status == 401 else ""
    issuer = door().settings.oidc_issuer
    headers = CHALLENGE if wrong else None
    return shown.page("admin/confirm.html", status, headers, to=to, wrong=wrong, issuer=issuer)


def _confirm_sent() -> ResponseReturnValue:
    given = form("password", "code", "next")
    name, to = g.account.name, onward(given["next"])
    with passwords.in_line():
        if wait := too_many(name):
            return shown.error(429, {"Retry-After": str(wait)})
        proof = accounts.proof(desk().db, desk().vault, name, given["password"], given["code"], door().clock())
    token = None
    with desk().db.tx() as conn:
        if proof and accounts.take(conn, proof):
            token = confirmed(conn, proof.account, g.session.digest)
    if token is None:
        _denied("confirm.refused", name)
        return _confirm_form(to, 401)
    return with_cookie(redirect(to, 303), token)


def confirmed(conn: Connection, account: accounts.Account, digest: bytes) -> str | None:
    """A new token for a session whose person has shown who they are once more, noted. None: it has ended."""
    token = sessions.renew(conn, desk().vault, digest)
    if token is not None:
        origin = here()
        attempts.give_back(conn, desk().vault, account.name, origin)
        actor = audit.Actor(account.name, account.role, origin)
        audit.write(conn, desk().vault, actor, "confirmed", f"account:{account.name}")
    return token

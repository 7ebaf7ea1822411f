"""Zendesk's REST interface, as far as the desk meets it; method names are those that faults and arrivals use."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, request

from sandbox.core import endpoint, the_world
from sandbox.zendesk import macros, searching, tickets
from sandbox.zendesk.answers import account, answer, api, given, paged
from sandbox.zendesk.model import RefusedError, User, not_found

bp = Blueprint("api", __name__)
V2 = "/api/v2"


def base() -> str:
    """The account's own address, as links in answers show it."""
    return request.host_url.rstrip("/")


def me() -> User:
    """The user the desk's token acts as."""
    return account().users[account().desk_user_id]


@bp.post("/oauth/tokens")
@endpoint("zendesk", "oauth.token")
def token() -> Response:
    """Client credentials to bearer (Z4.5); 201 as in the OpenAPI file."""
    config, sent = the_world().config, request.get_json(silent=True) or request.form.to_dict()
    known = [(config.zendesk_client_id, "client_id"), (config.zendesk_client_secret, "client_secret")]
    if not all(hmac.compare_digest(wanted.encode(), str(sent.get(name, "")).encode()) for wanted, name in known):
        text = "Client authentication failed due to unknown client or no client authentication included."
        return answer({"error": "invalid_client", "error_description": text}, 401)
    if sent.get("grant_type") != "client_credentials":
        return answer({"error": "unsupported_grant_type", "error_description": "The grant type is not supported."}, 400)
    asked = int(sent.get("expires_in") or config.token_life)
    if "expires_in" in sent and not 300 <= asked <= 172_800:
        text = "expires_in must be between 300 and 172800"
        return answer({"error": "invalid_request", "error_description": text}, 400)
    life = min(asked, config.token_life)
    scope = str(sent.get("scope") or "read write")
    try:
        bearer = account().issue_token(scope, life)
    except RefusedError as refused:
        return answer(refused.body, refused.status)
    return answer({"access_token": bearer, "token_type": "bearer", "scope": scope, "expires_in": life}, 201)


@api(bp, "GET", f"{V2}/users/me", "users.me", "users:read")
def users_me() -> Response:
    """The desk's own user."""
    return answer({"user": me().rest(base())})


@api(bp, "GET", f"{V2}/users/search", "users.search", "users:read")
def users_search() -> Response:
    """By `query` (a part of any e-mail address of theirs, or of the name) or `external_id`; `email:`: addresses alone.

    How similar an address may be that the real one answers with is not documented.
    """
    query, external = request.args.get("query", "").lower(), request.args.get("external_id")
    wanted = query.removeprefix("email:").strip('"')
    found = [
        u.rest(base())
        for u in account().users.values()
        if (external and u.external_id == external)
        or (wanted and any(wanted in mail.lower() for mail in (u.email or "", *u.more_emails)))
        or (wanted and not query.startswith("email:") and wanted in u.name.lower())
    ]
    return answer(paged("users", found, cursor=False))


@api(bp, "GET", f"{V2}/users/<int:user_id>", "users.show", "users:read")
def users_show(user_id: int) -> Response:
    """One person."""
    return answer({"user": account().user(user_id).rest(base())})


@api(bp, "GET", f"{V2}/users/<int:user_id>/identities", "users.identities", "users:read")
def users_identities(user_id: int) -> Response:
    """E-mail and phone identities with their deliverable state (Z3.16)."""
    return answer(paged("identities", account().user(user_id).identities(base())))


@api(bp, "GET", f"{V2}/tickets/<int:ticket_id>", "tickets.show", "tickets:read")
def tickets_show(ticket_id: int) -> Response:
    """One ticket."""
    return answer({"ticket": account().ticket(ticket_id).rest(base())})


@api(bp, "PUT", f"{V2}/tickets/<int:ticket_id>", "tickets.update", "tickets:write")
def tickets_update(ticket_id: int) -> Response:
    """One save: ticket and audit; no audit in the answer when nothing changed."""
    ticket, sent = account().ticket(ticket_id), given("ticket")
    unknown = sorted(f"ticket.{k}" for k in sent if k not in tickets.WRITABLE)
    audit = tickets.update(account(), ticket, me(), sent, "api")
    body: dict[str, Any] = {"ticket": ticket.rest(base())}
    if audit:
        body["audit"] = audit
    warn = {"X-Zendesk-API-Warn": f"Removed restricted keys {unknown} from parameters according to whitelist"}
    return answer(body, headers=warn if unknown else None)


@api(bp, "POST", f"{V2}/tickets", "tickets.create", "tickets:write")
def tickets_create() -> Response:
    """A new ticket for an existing requester."""
    sent = given("ticket")
    requester = account().user(sent.get("requester_id") or me().id)
    made = {**sent, "fields": {f["id"]: f.get("value") for f in sent.get("custom_fields") or []}}
    ticket = tickets.create(account(), made, requester, me(), "api")
    return answer({"ticket": ticket.rest(base()), "audit": ticket.audits[-1]}, 201)


@api(bp, "GET", f"{V2}/tickets/<int:ticket_id>/audits", "tickets.audits", "read")
def tickets_audits(ticket_id: int) -> Response:
    """Oldest first, or newest first by `sort_order=desc` / `sort=-created_at`. Needs the global read scope (Z3.6)."""
    return answer(paged("audits", _ordered(account().ticket(ticket_id).audits)))


@api(bp, "GET", f"{V2}/tickets/<int:ticket_id>/comments", "tickets.comments", "tickets:read")
def tickets_comments(ticket_id: int) -> Response:
    """The conversation."""
    shown = [{k: v for k, v in c.items() if k != "mailed_to"} for c in account().ticket(ticket_id).comments]
    return answer(paged("comments", _ordered(shown)))


@api(bp, "GET", f"{V2}/tickets/<int:ticket_id>/email_ccs", "tickets.email_ccs", "tickets:read")
def tickets_email_ccs(ticket_id: int) -> Response:
    """The people in copy."""
    users = account().users
    return answer(paged("users", [users[i].rest(base()) for i in account().ticket(ticket_id).cc_ids]))


@api(bp, "GET", f"{V2}/tickets/<int:ticket_id>/tags", "tags.list", "tickets:read")
def tags_list(ticket_id: int) -> Response:
    """The tags."""
    return answer({"tags": sorted(account().ticket(ticket_id).tags)})


def _edit_tags(ticket_id: int, how: str) -> Response:
    ticket, sent = account().ticket(ticket_id), given()
    tickets.check_stamp(ticket, sent)
    tickets.edit_tags(account(), ticket, me(), tickets.tag_list(sent.get("tags")), how, "api")
    return answer({"tags": sorted(ticket.tags)}, 201 if how == "set" else 200)


@api(bp, "PUT", f"{V2}/tickets/<int:ticket_id>/tags", "tags.add", "tickets:write")
def tags_add(ticket_id: int) -> Response:
    """Add (Z3.4)."""
    return _edit_tags(ticket_id, "add")


@api(bp, "POST", f"{V2}/tickets/<int:ticket_id>/tags", "tags.set", "tickets:write")
def tags_set(ticket_id: int) -> Response:
    """Replace all."""
    return _edit_tags(ticket_id, "set")


@api(bp, "DELETE", f"{V2}/tickets/<int:ticket_id>/tags", "tags.remove", "tickets:write")
def tags_remove(ticket_id: int) -> Response:
    """Remove; 204 without a body."""
    _edit_tags(ticket_id, "remove")
    return Response(status=204)


def _macro(macro_id: int) -> dict[str, Any]:
    found = account().macros.get(macro_id)
    if found is None:
        raise not_found()
    return found


def _shown(macro: dict[str, Any]) -> dict[str, Any]:
    return {**macro, "url": f"{base()}{V2}/macros/{macro['id']}.json"}


@api(bp, "GET", f"{V2}/macros", "macros.list", "macros:read")
def macros_list() -> Response:
    """All shared macros; `active` narrows down."""
    active = request.args.get("active")
    shown = [_shown(m) for m in account().macros.values() if active is None or m["active"] == (active == "true")]
    return answer(paged("macros", shown))


@api(bp, "GET", f"{V2}/macros/active", "macros.active", "macros:read")
def macros_active() -> Response:
    """The active ones."""
    return answer(paged("macros", [_shown(m) for m in account().macros.values() if m["active"]]))


@api(bp, "GET", f"{V2}/macros/search", "macros.search", "macros:read")
def macros_search() -> Response:
    """By a part of the title."""
    query = request.args.get("query", "").lower()
    return answer(paged("macros", [_shown(m) for m in account().macros.values() if query in m["title"].lower()]))


@api(bp, "GET", f"{V2}/macros/<int:macro_id>", "macros.show", "macros:read")
def macros_show(macro_id: int) -> Response:
    """One macro."""
    return answer({"macro": _shown(_macro(macro_id))})


@api(bp, "GET", f"{V2}/macros/<int:macro_id>/apply", "macros.apply", "macros:read")
def macros_apply(macro_id: int) -> Response:
    """Only what the macro would change; changes nothing (Z2.1)."""
    return answer({"result": {"ticket": macros.changes(_macro(macro_id), me())}})


@api(bp, "GET", f"{V2}/tickets/<int:ticket_id>/macros/<int:macro_id>/apply", "macros.preview", "tickets:read")
def macros_preview(ticket_id: int, macro_id: int) -> Response:
    """The whole ticket as it would be; changes nothing (Z2.1)."""
    ticket = account().ticket(ticket_id)
    return answer({"result": {"ticket": macros.preview(account(), ticket, _macro(macro_id), me(), base())}})


@api(bp, "GET", f"{V2}/ticket_fields", "ticket_fields", "read")
def ticket_fields() -> Response:
    """The custom fields; the preference is a dropdown whose options' values are tags (Z6.2)."""
    return answer(paged("ticket_fields", macros.ticket_fields(the_world().config.fields, base())))


@api(bp, "GET", f"{V2}/search", "search", "read")
def search() -> Response:
    """Tickets or users by Zendesk's query words, at most 1,000; the index lags by `zendesk_search_lag` seconds."""
    found = searching.find(account(), request.args.get("query", ""), _indexed(), base())
    found = searching.listed(account(), found, request.args)
    return answer({**paged("results", found, cursor=False), "facets": None})


@api(bp, "GET", f"{V2}/search/export", "search.export", "read")
def search_export() -> Response:
    """The same without the limit, by cursor."""
    found = searching.exported(account(), request.args, _indexed(), base())
    return answer({**paged("results", found), "facets": None})


def _indexed() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=the_world().config.zendesk_search_lag)


def _ordered(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    newest_first = request.args.get("sort_order") == "desc" or request.args.get("sort", "").startswith("-")
    return entries[::-1] if newest_first else list(entries)


@bp.get("/agent/tickets/<int:ticket_id>")
def agent_page(ticket_id: int) -> Response:
    """Links to a ticket lead to the sandbox's page."""
    return Response(status=302, headers={"Location": f"/?ticket={ticket_id}"})

"""The stand-in for Zendesk when it is read: macros, pages, a search that lags behind, and the limits of an account."""

from __future__ import annotations

from sandbox.caller import Account
from sandbox.server import Sandbox
from tests.sandbox.zendesk_kit import TAG, macro_id

# -- macros, search, paging -------------------------------------------------------------------------------------------


def test_the_preview_shows_the_whole_ticket_and_changes_nothing(
    zendesk: Account, sandbox: Sandbox, ticket: int
) -> None:
    before = zendesk.ticket(ticket)
    shown = zendesk.call("GET", f"tickets/{ticket}/macros/{macro_id(zendesk)}/apply.json").json()["result"]["ticket"]
    assert (shown["id"], shown["status"], shown["comment"]["public"]) == (ticket, "pending", True)
    assert "retained" in shown["comment"]["body"]
    assert "{{ticket.requester.first_name}}" in shown["comment"]["body"]
    sandbox.config.macro_preview_renders = True
    shown = zendesk.call("GET", f"tickets/{ticket}/macros/{macro_id(zendesk)}/apply.json").json()["result"]["ticket"]
    assert "Nurul" in shown["comment"]["body"]
    assert "{{" not in shown["comment"]["body"]
    assert zendesk.ticket(ticket) == before
    assert sandbox.world.effects() == []


def test_a_macros_tags_show_as_a_difference(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    zendesk.call("PUT", f"tickets/{ticket}/tags.json", json={"tags": ["keep", "old"]})
    actions = [{"field": "current_tags", "value": "new"}, {"field": "remove_tags", "value": "old"}]
    made = sandbox.world.zendesk.add_macro("Tags", actions)
    shown = zendesk.call("GET", f"tickets/{ticket}/macros/{made['id']}/apply.json").json()["result"]["ticket"]
    assert shown["tags"] == ["keep", "new"]
    assert "comment" not in shown


def test_macros_page_by_cursor_and_by_offset(zendesk: Account) -> None:
    first = zendesk.call("GET", "macros.json?page[size]=2").json()
    assert first["meta"]["has_more"] is True
    after = first["meta"]["after_cursor"]
    second = zendesk.call("GET", f"macros.json?page[size]=2&page[after]={after}").json()
    assert (second["meta"]["has_more"], second["links"]["next"]) == (False, None)
    offset = zendesk.call("GET", "macros.json?per_page=2&page=2").json()
    assert offset["macros"] == second["macros"]
    assert (offset["count"], offset["next_page"]) == (3, None)
    assert zendesk.call("GET", "macros/search.json?query=promotional").json()["macros"] == [first["macros"][1]]


def test_search_lags_behind(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    def found() -> list[int]:
        query = f"type:ticket tags:{TAG} -tags:desk_done status<closed"
        return [t["id"] for t in zendesk.call("GET", "search.json", params={"query": query}).json()["results"]]

    sandbox.config.zendesk_search_lag = 60
    zendesk.call("PUT", f"tickets/{ticket}/tags.json", json={"tags": [TAG]})
    assert found() == []
    sandbox.config.zendesk_search_lag = 0
    assert found() == [ticket]
    zendesk.call("PUT", f"tickets/{ticket}/tags.json", json={"tags": ["desk_done"]})
    assert found() == []


# -- limits ----------------------------------------------------------------------------------------------------------


def test_the_thirtyfirst_update_of_a_ticket_is_refused(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    sandbox.config.limits = True
    answers = [zendesk.update(ticket, subject=f"s{n}") for n in range(31)]
    assert {a.status_code for a in answers[:30]} == {200}
    assert (answers[30].status_code, answers[30].json()["error"]) == (429, "APIRateLimitExceeded")
    assert 1 <= int(answers[30].headers["Retry-After"]) <= 601
    assert zendesk.ticket(ticket)["subject"] == "s29"


def test_account_limits_have_headers(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    sandbox.config.update({"limits": True, "zendesk_account_rate": 3, "zendesk_update_rate": 1})
    assert zendesk.update(ticket, subject="a").status_code == 200
    over = zendesk.update(ticket, subject="b")
    assert (over.status_code, over.headers["Zendesk-RateLimit-Tickets-Update"].split(";")[1]) == (429, " remaining=0")
    answers = [zendesk.call("GET", f"tickets/{ticket}.json") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[1].headers["X-Rate-Limit-Remaining"] == "0"

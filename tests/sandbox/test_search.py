"""The stand-in's search: Zendesk's words, order, lag and end at 1,000; and the export, which has none."""

from __future__ import annotations

from typing import Any

from sandbox.caller import Account
from sandbox.server import Sandbox
from sandbox.zendesk import tickets


def made(sandbox: Sandbox, count: int, *tags: str) -> list[int]:
    """That many tickets of one customer."""
    state = sandbox.world.zendesk
    with sandbox.world.lock:
        person = state.add_user("Mei Tan", email="mei@example.com")
        return [tickets.create(state, {"subject": "x", "tags": list(tags)}, person, person).id for _ in range(count)]


def found(zendesk: Account, path: str) -> tuple[int, Any]:
    answer = zendesk.call("GET", path)
    return answer.status_code, answer.json()


def test_tags_status_and_time(zendesk: Account, sandbox: Sandbox) -> None:
    one, two = made(sandbox, 1, "a")[0], made(sandbox, 1, "b")[0]
    zendesk.control(f"tickets/{two}/status", {"status": "closed"})

    def ids(query: str) -> list[int]:
        return [raw["id"] for raw in found(zendesk, f"search.json?query={query}&sort_by=created_at")[1]["results"]]

    assert ids("type:ticket tags:a") == [one]
    assert ids("type:ticket tags:a tags:b") == [two, one]  # a property named twice is an OR; newest first
    assert ids("type:ticket tags:a tags:b status<closed") == [one]
    assert ids("tags:a updated>=2020-01-01T00:00:00Z") == [one]
    assert ids("tags:a updated>=2999-01-01T00:00:00Z") == []
    assert found(zendesk, "search.json?query=updated>=soon")[0] == 422
    sandbox.config.update({"zendesk_search_lag": 3600.0})
    assert ids("tags:a") == []


def test_search_ends_at_a_thousand_and_the_export_does_not(zendesk: Account, sandbox: Sandbox) -> None:
    everything = set(made(sandbox, 1010, "many"))
    status, first = found(zendesk, "search.json?query=type:ticket tags:many")
    assert (status, first["count"], len(first["results"])) == (200, 1010, 100)
    assert first["next_page"]
    assert found(zendesk, "search.json?query=type:ticket tags:many&page=10")[0] == 200
    status, refused = found(zendesk, "search.json?query=type:ticket tags:many&page=11")
    assert (status, refused["error"]) == (422, "invalid")

    seen: list[int] = []
    after = ""
    while True:
        path = f"search/export.json?query=tags:many&filter[type]=ticket&page[size]=100{after}"
        _, page = found(zendesk, path)
        seen += [raw["id"] for raw in page["results"]]
        if not page["meta"]["has_more"]:
            break
        after = f"&page[after]={page['meta']['after_cursor']}"
    assert seen == sorted(everything)
    assert "count" not in page
    assert found(zendesk, "search/export.json?query=type:ticket tags:many&filter[type]=ticket")[0] == 422
    assert found(zendesk, "search/export.json?query=tags:many")[0] == 422

"""The Zendesk client and macros: found by their exact title, previewed, never written back as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.clients import Clients
from app.clients.types import Macro
from app.errors import PermanentError
from sandbox.server import Sandbox

TITLE = "Data Deletion Request"
NewTicket = Callable[..., int]

ACTIONS: list[dict[str, Any]] = [
    {"field": "comment_value", "value": "Dear {{ticket.requester.first_name}}, we have received it."},
    {"field": "comment_mode_is_public", "value": "true"},
    {"field": "status", "value": "pending"},
    {"field": "current_tags", "value": "acknowledged"},
]


class TestMacros:
    """Found by title, previewed, and only the needed part of a preview used."""

    def test_by_its_exact_title(self, sandbox: Sandbox, clients: Clients) -> None:
        state = sandbox.world.zendesk
        state.add_macro(f"{TITLE} (old)", ACTIONS)
        state.add_macro(TITLE, ACTIONS, active=False)
        with pytest.raises(PermanentError) as caught:
            clients.zendesk.macro(TITLE)
        assert caught.value.reason == "macro_missing"
        number = state.add_macro(TITLE, ACTIONS)["id"]
        assert clients.zendesk.macro(TITLE) == Macro(number, TITLE, True)

    def test_two_of_one_title_are_refused(self, sandbox: Sandbox, clients: Clients) -> None:
        sandbox.world.zendesk.add_macro(TITLE, ACTIONS)
        second = sandbox.world.zendesk.add_macro(TITLE, ACTIONS)
        with pytest.raises(PermanentError) as caught:
            clients.zendesk.macro(TITLE)
        assert caught.value.reason == "macro_twice"
        second["restriction"] = {"type": "User", "id": 7}  # an admin's list holds everybody's own macros too
        assert clients.zendesk.macro(TITLE).title == TITLE

    def test_the_id_is_remembered_but_its_life_is_checked(
        self, sandbox: Sandbox, clients: Clients, new_ticket: NewTicket
    ) -> None:
        raw = sandbox.world.zendesk.add_macro(TITLE, ACTIONS)
        macro = clients.zendesk.macro(TITLE)
        ticket = clients.zendesk.ticket(new_ticket())
        assert clients.zendesk.macro(TITLE) == macro
        assert len(sandbox.world.arrived("zendesk", "macros.list")) == 1
        for spoil in ({"title": "Renamed"}, {"active": False}):
            sandbox.world.zendesk.macros[macro.id] = {**raw, **spoil}
            with pytest.raises(PermanentError) as caught:
                clients.zendesk.preview(ticket, macro)
            assert caught.value.reason == "macro_missing"
        del sandbox.world.zendesk.macros[macro.id]
        with pytest.raises(PermanentError) as caught:
            clients.zendesk.preview(ticket, macro)
        assert caught.value.reason == "macro_missing"
        with pytest.raises(PermanentError):
            clients.zendesk.macro(TITLE)

    def test_a_preview_is_never_written_back(self, sandbox: Sandbox, clients: Clients, new_ticket: NewTicket) -> None:
        sandbox.world.zendesk.add_macro(TITLE, ACTIONS)
        number = new_ticket(tags=["a"])
        ticket = clients.zendesk.ticket(number)
        macro = clients.zendesk.macro(TITLE)
        effect = clients.zendesk.preview(ticket, macro)
        assert "we have received it" in effect.body
        assert (effect.html, effect.public, effect.fields) == (False, True, {"status": "pending"})
        assert (effect.add_tags, effect.remove_tags) == ({"acknowledged"}, frozenset())
        assert sandbox.world.effects("zendesk") == [], "a preview changes nothing"
        assert clients.zendesk.ticket(number) == ticket, "nor does it stay in a cache"
        clients.zendesk.update(
            ticket,
            op_id="op1",
            body=effect.body,
            html=effect.html,
            public=effect.public,
            macro_id=macro.id,
            fields=effect.fields,
        )
        (call,) = sandbox.world.arrived("zendesk", "tickets.update")
        assert set(call["body"]) == {"ticket"}
        assert set(call["body"]["ticket"]) == {
            "id",
            "comment",
            "metadata",
            "macro_id",
            "safe_update",
            "updated_stamp",
            "status",
        }
        assert set(call["body"]["ticket"]["comment"]) == {"body", "public"}

    def test_set_tags_shows_as_a_removal(self, sandbox: Sandbox, clients: Clients, new_ticket: NewTicket) -> None:
        sandbox.world.zendesk.add_macro(TITLE, [*ACTIONS, {"field": "set_tags", "value": "only"}])
        ticket = clients.zendesk.ticket(new_ticket(tags=["a", "b"]))
        effect = clients.zendesk.preview(ticket, clients.zendesk.macro(TITLE))
        assert effect.remove_tags == {"a", "b"}

    def test_no_word_on_visibility_means_private(
        self, sandbox: Sandbox, clients: Clients, new_ticket: NewTicket
    ) -> None:
        rich = [{"field": "comment_value_html", "value": "<p>Hello</p>"}]
        sandbox.world.zendesk.add_macro(TITLE, rich)
        ticket = clients.zendesk.ticket(new_ticket())
        effect = clients.zendesk.preview(ticket, clients.zendesk.macro(TITLE))
        assert (effect.body, effect.html, effect.public) == ("<p>Hello</p>", True, False)

"""Who may not decide, and what no press can do: the same in Slack and in Mattermost (issue 4; bad-inputs S and M)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from tests.approvals.both import (
    BothChats,
    answered,
    approved,
    carrying,
    open_card,
    outlived,
    refused,
    token_of,
    untouched,
)
from tests.approvals.staff import NO_AGENT, NOT_LISTED, SELF, agent, assign, user_of
from tests.house import House
from tests.kit import agent_id
from tests.procedure.api_kit import desk_command
from tests.review.scenes import effects, fault, mend

NOT_ACTIVE = "a bot, a guest or a deactivated account cannot approve"
FORGED = "This button was not made by Deletion Desk"
EXPIRED = "This button is too old"


def tagged_by(house: House, agent_number: int, **given: Any) -> int:
    """A ticket that waits, tagged by this agent."""
    ticket = house.ticket(**given)
    house.tag(ticket, "data_deletion_request", "pref_stop_all", agent=agent_number)
    house.wait_state(ticket, "awaiting")
    return ticket


class TestRefused(BothChats):
    @pytest.fixture(autouse=True)
    def _as_they_were(self, house: House) -> Iterator[None]:
        """People are in the chat as they were before the test."""
        people = getattr(house.sandbox.world, house.room.name).people
        before = dict(people)
        yield
        with house.sandbox.world.lock:
            people.update(before)

    @pytest.mark.parametrize("user", ["chen", "guest"])
    def test_whoever_is_not_listed(self, house: House, user: str) -> None:
        refused(house, house.to_awaiting(), user, NOT_LISTED)

    @pytest.mark.parametrize("user", ["otherbot", "gone"])
    def test_a_bot_or_a_leaver_who_is_not_listed(self, house: House, user: str) -> None:
        """Whether they can be told depends on the chat."""
        ticket = house.to_awaiting()
        assert house.press("approve", user, open_card(house, ticket)) == 200
        house.wait(lambda: effects(house, "answer"), what="the press is seen to")
        untouched(house, ticket)

    @pytest.mark.parametrize("change", [{"guest": True}, {"bot": True}, {"deleted": True}])
    def test_listed_but_no_full_member_any_more(self, house: House, change: dict[str, Any]) -> None:
        ticket, before = house.to_awaiting(), len(effects(house, "answer"))
        house.change("bala", **change)
        if house.room.name == "slack" and "deleted" in change:  # Slack shows it to members of the channel only
            house.press("approve", "bala", open_card(house, ticket))
            house.wait(lambda: len(effects(house, "answer")) > before, what="the press is seen to")
            untouched(house, ticket)
            assert effects(house, "answer")[-1]["evidence"]["untold"]
        else:
            refused(house, ticket, "bala", NOT_ACTIVE)
        approved(house, ticket)

    def test_left_the_channel(self, house: House) -> None:
        """M010. Slack says by its signature where the press was made, and is not asked who belongs there."""
        ticket = house.to_awaiting()
        if house.room.name == "mattermost":
            house.change("bala", in_channel=False)
            refused(house, ticket, "bala", NOT_ACTIVE)
        approved(house, ticket)

    def test_the_one_who_tagged(self, house: House) -> None:
        ticket = tagged_by(house, agent_id(house, "aisyah@example.com"))
        refused(house, ticket, "aisyah", SELF)
        with answered(house, aisyah=SELF):
            house.press("decline", "aisyah", open_card(house, ticket), form={"reason": "other"})
        untouched(house, ticket)
        approved(house, ticket, "bala")

    def test_the_one_who_is_assigned_now(self, house: House) -> None:
        ticket = house.to_awaiting()
        assign(house, ticket, user_of(house, "bala@example.com"))
        refused(house, ticket, "bala", SELF)
        approved(house, ticket)

    def test_the_one_who_asked_for_it(self, house: House) -> None:
        ticket = house.to_awaiting(email="aisyah.private@mail.example")
        house.change("aisyah", email="aisyah.private@mail.example")
        refused(house, ticket, "aisyah", SELF)
        approved(house, ticket, "bala")

    def test_under_a_second_account(self, house: House) -> None:
        second = agent(house, f"second-{house.room.name}@example.com")
        house.change("bala", email=second.email)
        ticket = tagged_by(house, second.id)
        refused(house, ticket, "bala", SELF)
        approved(house, ticket, "aisyah")

    def test_an_agent_no_more(self, house: House) -> None:
        ticket, bala = house.to_awaiting(), user_of(house, "bala@example.com")
        bala.suspended = True
        refused(house, ticket, "bala", NO_AGENT)
        bala.suspended = False
        approved(house, ticket, "bala")

    @pytest.mark.parametrize("kind", ["nothing", "changed", "of_another_case", "of_another_button"])
    def test_a_forged_value(self, house: House, kind: str) -> None:
        ticket, other = house.to_awaiting(), house.to_awaiting()
        own = token_of(house, open_card(house, ticket))
        value = {
            "nothing": "approve",
            "changed": own[:-2] + ("A" if own[-2] != "A" else "B") + own[-1],
            "of_another_case": own.rpartition(".")[0][:8] + token_of(house, open_card(house, other))[8:-1],
            "of_another_button": own.rpartition(".")[0] + "." + own.rpartition(".")[2][::-1],
        }[kind]
        user = "aisyah" if len(kind) % 2 else "bala"
        refused(house, ticket, user, FORGED, **carrying(house, value))
        untouched(house, other)

    def test_an_expired_token(self, house: House) -> None:
        ticket = house.to_awaiting()
        token = outlived(house, token_of(house, open_card(house, ticket)))
        refused(house, ticket, "bala", EXPIRED, **carrying(house, token))
        approved(house, ticket)

    def test_while_zendesk_cannot_say_who_they_are(self, house: House) -> None:
        ticket = house.to_awaiting()
        fault(house, "zendesk", "users.search", "503_before")
        with answered(house, aisyah=["Recorded; nothing is decided yet", "Recorded: approved"]):
            house.press("approve", card=open_card(house, ticket))
            house.wait(lambda: house.rows("SELECT 1 FROM events WHERE state = 'waiting'"), what="the press waits")
            assert house.case(ticket)["decision"] is None
            mend(house)
            house.wait_state(ticket, "banning")


class TestGroup(BothChats):
    settings: ClassVar = {"approvers": "aisyah=aisyah@example.com", "approvers_group": "approvers"}

    def test_members_decide_until_they_are_removed(self, house: House) -> None:
        """S013: at once, whatever a copy says; and a member who is no agent is told that."""
        agent(house, "chen@example.com")
        first, second = house.to_awaiting(), house.to_awaiting()
        refused(house, first, "chen", NOT_LISTED)
        house.change("chen", approver=True)
        assert approved(house, first, "chen")["decided_as"] == "chen@example.com"
        house.change("chen", approver=False)
        refused(house, second, "chen", NOT_LISTED)
        house.change("chen", approver=True, email="chen@elsewhere.example")
        refused(house, second, "chen", NO_AGENT)
        house.change("chen", approver=False, email="chen@example.com")
        approved(house, second, "aisyah")  # listed, whoever is in the group

    def test_while_the_group_cannot_be_read(self, house: House) -> None:
        ticket = house.to_awaiting()
        method = {"slack": "usergroups.users.list", "mattermost": "groups.members"}[house.room.name]
        fault(house, house.room.name, method, "503_before")
        with answered(house, bala="Recorded: approved"):
            assert house.press("approve", "bala", open_card(house, ticket)) == 200
            house.wait(lambda: house.rows("SELECT 1 FROM events WHERE state = 'waiting'"), what="the press waits")
            assert house.case(ticket)["decision"] is None
            mend(house)
            house.wait_state(ticket, "banning")

    def test_a_delegate_while_the_cover_runs(self, house: House) -> None:
        agent(house, "ravi@partner.example.com")
        house.change("guest", guest=False)
        first, second = house.to_awaiting(), house.to_awaiting()
        refused(house, first, "guest", NOT_LISTED)
        day = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
        to = f"{house.user('guest')}=ravi@partner.example.com"
        made = desk_command(house, "cover", "add", house.user("aisyah"), "--to", to, "--until", day)
        assert made.exit_code == 0, made.output
        assert approved(house, first, "guest")["decided_as"] == "ravi@partner.example.com"
        house.rows("UPDATE covers SET starts_at = now() - interval '1 day', ends_at = now() RETURNING id")
        refused(house, second, "guest", NOT_LISTED)

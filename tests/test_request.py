"""SOP 000 from the tag to the ban, through the real doors: what the customer, the supervisor and JIRA got, and once."""

from __future__ import annotations

import pytest

from tests.house import House


def test_the_whole_way(house: House) -> None:
    ticket = house.to_awaiting("pref_stop_all")
    assert [mail["target"] for mail in house.applied("mail")] == ["siti@example.com"] or len(house.applied("mail")) == 1
    assert len(house.replies(ticket)) == 1
    assert "retained due to regulatory and compliance requirements" in house.replies(ticket)[0]
    text = house.card()["text"]
    for line in (
        "Kindly assist to remove/update the following customer’s data based on their selected preference:",
        "Customer Name: Siti Nurhaliza",
        "Contact Number: +60 12-345 6789",
        "(CS Only)",
        "BackOffice Link: <https://backoffice.example.com/customers/42",
        "Stop all types of communication (Calls, SMS, Email, Push Notification)",
        "Ban from all offers",
    ):
        assert line in text
    assert "Delete personal data" not in text
    assert not house.applied("create", "jira")  # nothing before the decision

    assert house.press("approve") == 200
    case = house.wait_state(ticket, "banning")
    issue = house.issues()[0]
    assert issue["key"] == case["jira_key"]
    assert "Siti" not in issue["description"] + issue["summary"]
    assert str(ticket) in issue["description"]
    assert issue["links"][0]["url"].endswith(f"/agent/tickets/{ticket}")
    assert not house.cards()  # no open button on a decided case

    house.move_issue(issue["key"], "Done")
    house.wait_state(ticket, "done")
    assert "done according to JIRA" in house.notes(ticket)[-1]
    assert "desk_done" in house.state_of(ticket)["tags"]
    assert len(house.applied("mail")) == 1
    assert len(house.applied("post", "slack")) == 1
    assert len(house.applied("create", "jira")) == 1

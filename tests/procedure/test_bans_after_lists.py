"""A list that comes back and contradicts the ledger has the bans of its customers looked at again (features 0.9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.house import House
from tests.procedure.api_kit import desk_command
from tests.procedure.bans_kit import (
    asked,
    asking,
    ban,
    banning,
    completed,
    due,
    person,
)

__all__ = ["asking"]  # a fixture


def listed(house: House, folder: Path, *rows: str) -> dict[str, Any]:
    """A list with these rows has come back: what `desk suppress import` says of it."""
    path = folder / "list.csv"
    path.write_text("\n".join(["phone,email,subscribed", *rows]) + "\n")
    done = desk_command(house, "suppress", "import", str(path), "--source", "crm", "--json", "--force")
    assert done.exit_code == 1, done.output
    said = json.loads(done.stdout)
    assert isinstance(said, dict)
    return said


def test_sop_0_9_a_list_that_contradicts_the_ledger_has_the_ban_looked_at_now(asking: House, tmp_path: Path) -> None:
    """Not on day 7: the source is asked at once, once an import, of those alone whom the list lets in again."""
    house = asking
    ticket, _, customer = completed(house)
    _, _, other = completed(house)
    (phone, mail), (theirs, _) = person(customer), person(other)
    before = len(asked(house, customer)), len(asked(house, other))

    said = listed(house, tmp_path, f"{phone},,yes", f",{mail},yes", f"{phone},{mail},Y", f"{theirs},,no")
    assert (said["contradictions"], said["rechecks"]) == (3, 1)
    house.wait(lambda: len(asked(house, customer)) > before[0], what="the source is asked")
    house.settle()
    assert (len(asked(house, customer)), len(asked(house, other))) == (before[0] + 4, before[1])
    assert house.case(ticket)["state"] == "done"
    assert due(house, ticket) == ["recheck:1", "recheck:7", "recheck:30"]

    house.call("/sandbox/bans", {"import": [customer]})  # the list has been loaded, as lists are
    assert listed(house, tmp_path, f"{phone},,yes")["rechecks"] == 1
    house.wait_state(ticket, "verifying")
    assert "NOT banned for: Calls, SMS, Email, Push Notification." in house.notes(ticket)[-1]
    assert due(house, ticket) == ["recheck:look-1"]
    assert listed(house, tmp_path, f"{phone},,yes")["rechecks"] == 0, "it is being looked at as it is"


def test_a_list_looks_at_the_case_that_carries_the_wish(asking: House, tmp_path: Path) -> None:
    """The person is known by one more address on a ticket that has joined; what is asked about is the one case."""
    house = asking
    ticket, key, customer = banning(house)
    phone, _ = person(customer)
    joined = house.ticket(email="another.siti@example.com", phone=phone, fields={"contact": phone})
    house.tag(joined, "data_deletion_request", "pref_stop_calls")
    house.wait_state(joined, "joined")
    ban(house, customer)
    house.move_issue(key, "Done")
    house.wait_state(joined, "done")
    before = len(asked(house, customer))
    assert listed(house, tmp_path, ",another.siti@example.com,yes")["rechecks"] == 1
    house.wait(lambda: len(asked(house, customer)) == before + 4, what="the source is asked")
    house.settle()
    assert [house.case(one)["state"] for one in (ticket, joined)] == ["done", "done"]


def test_a_list_sets_no_look_where_there_is_no_source(shared_house: House, tmp_path: Path) -> None:
    house = shared_house
    ticket, key, customer = banning(house)
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    before = due(house, ticket)
    said = listed(house, tmp_path, f"{person(customer)[0]},,yes")
    assert (said["contradictions"], said["rechecks"]) == (1, None)
    assert due(house, ticket) == before

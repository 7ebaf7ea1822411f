"""`desk cases proof`: one document shows what was done for a ticket, and holds nothing personal (features 0.34)."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from app import proof
from tests.house import House
from tests.kit import customer_says, next_round, retag
from tests.procedure.api_kit import desk_command
from tests.procedure.bans_kit import asking, ban, time_comes

__all__ = ["asking"]  # a fixture
PERSON = {
    "name": "Kanari binti Pelikan",
    "email": "kanari@pelikan.example",
    "phone": "+60 17-904 1733",
    "comment": "Kanari says stop, call +60179041733.",
    "fields": {
        "name": "Kanari binti Pelikan",
        "contact": "+60 17-904 1733",
        "backoffice": "https://backoffice.example.com/customers/c-90417",
    },
}
FORM = {"reason": "wrong_details", "note": "Kanari has two numbers", "wording": "Dear Pelikan"}


def proof_of(house: House, ticket: int) -> dict[str, Any]:
    done = desk_command(house, "cases", "proof", str(ticket))
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_sop_0_34_the_evidence_of_a_ticket_is_one_document(asking: House) -> None:
    """Declined, tagged again, approved, done, checked again; and a threat beside it."""
    house = asking
    ticket = house.to_awaiting("pref_stop_all", **PERSON)
    house.press("decline", "bala", form=FORM)
    house.wait_state(ticket, "declined")
    retag(house, ticket)
    next_round(house, ticket, 2)
    house.press("approve")
    key = house.wait_state(ticket, "banning")["jira_key"]
    house.move_issue(key, "Done")
    house.wait_state(ticket, "verifying")
    ban(house, "c-90417")
    time_comes(house, ticket, "recheck:look-1")
    house.wait_state(ticket, "done")
    customer_says(house, ticket, "Kanari will go to Bank Negara!")
    house.wait_state(ticket, "awaiting", procedure="regulatory_threat")

    found = proof_of(house, ticket)
    first, second, threat = found["rounds"]
    assert (found["ticket"], first["state"], second["state"], second["generation"]) == (ticket, "declined", "done", 2)
    assert first["decided"].items() >= {"decision": "decline", "by": "U0BALA", "reason": "wrong_details"}.items()
    assert second["decided"].items() >= {"decision": "approve", "by": "U0AISYAH"}.items()
    assert second["preference"] == ["stop_all"]
    assert second["confirmed"].keys() == {"by", "via", "identity", "authority", "agent", "at"}
    assert second["times"]["received"] <= second["times"]["closed"] <= second["times"]["due"]
    assert second["jira"]["key"] == key

    assert {(one["purpose"], one["channel"], one["allowed"]) for one in second["consents"]} >= {
        ("offers", channel, False) for channel in ("any", "calls", "sms", "email", "push")
    }
    assert all(re.match(r"20\d\d-", one["recorded_at"]) and one["wording"] for one in second["consents"])
    done = {effect["verb"]: effect for effect in second["effects"] if effect["state"] == "done"}
    macro = next(e for e in second["effects"] if (e["verb"], e["state"]) == ("apply_macro", "done"))
    assert isinstance(macro["evidence"]["audit_id"], int)
    assert done["open_jira"]["evidence"]["key"] == key
    assert done["ask_supervisor"]["evidence"]["ts"] == second["chat"]["message"]
    assert all(re.fullmatch("[0-9a-f]{32}", e["op_id"]) and e["done_at"] for e in done.values())

    no, yes = second["ban"]["checks"]
    assert (no["because"], no["by"]) == ("issue_changed", "source")
    assert no["banned"] == dict.fromkeys(("calls", "sms", "email", "push", "offers"), False)
    assert (yes["because"], yes["banned"]["calls"]) == ("recheck:look-1", True)
    assert {(w["wish"], w["state"], w["source"]) for w in second["ban"]["wishes"]} >= {("sms", "confirmed", "source")}
    assert [look["what"] for look in second["ban"]["to_come"]] == ["recheck:1", "recheck:7", "recheck:30"]
    assert second["kept"]["version"]
    assert all(duty["law"] and duty["why"] and duty["until"] for duty in second["kept"]["duties"])
    assert {"sending", "done", "ban_checked", "event_done"} <= {line["what"] for line in second["journal"]}
    assert threat["procedure"] == "regulatory_threat"
    assert threat["threat"]["kinds"]

    said = json.dumps(found, ensure_ascii=False).lower()
    leaks = [word for word in ("kanari", "pelikan", "90417", "9041733", "904 1733", "@", "siti") if word in said]
    assert leaks == []
    [row] = house.rows("SELECT persons FROM cases WHERE id = %s", second["case"])
    assert [key for key in row["persons"] if key.partition(":")[2] in said] == [], "no key of a person either"


def test_what_was_written_before_there_was_a_case_is_in_it(house: House) -> None:
    house.sandbox.world.faults.add("zendesk", "tickets.show", "500", times=3)
    ticket = house.to_awaiting()
    [first, *_] = proof_of(house, ticket)["rounds"][0]["journal"]
    assert (first["what"], first["event"]) == ("event_waiting", "ticket_tagged")
    [line] = house.rows("SELECT case_id, event_id FROM journal WHERE what = 'event_waiting' ORDER BY id LIMIT 1")
    assert (line["case_id"], line["event_id"]) == (None, first["event_id"])


def test_a_copy_can_be_compared(shared_house: House) -> None:
    house = shared_house
    ticket, _ = house.to_banning("pref_delete_all")
    found = proof_of(house, ticket)
    assert list(found)[-1] == "sha256"
    rest = {name: value for name, value in found.items() if name != "sha256"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert found["sha256"] == hashlib.sha256(canonical).hexdigest()
    assert proof_of(house, ticket) == found, "the same state, the same document"
    found["rounds"][0]["decided"]["by"] = "U0SOMEBODY"
    assert proof.digest(found) != found["sha256"]

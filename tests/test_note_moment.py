"""A note's text and the digest that says whether it is a new one are of the same moment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import cases, facts, notes
from app.ledger import store
from app.texts import Texts
from tests.house import House


@pytest.mark.parametrize(("after", "told"), [(-0.001, False), (0.001, True)])
def test_a_trouble_becomes_worth_telling_in_both_at_once(house: House, after: float, told: bool) -> None:
    ticket = house.to_awaiting()
    house.rows(
        "INSERT INTO effects (case_id, verb, arg, vendor, op_id, state, reason, attempts, sent_at) SELECT id,"
        " 'renew_card', 'x', 'slack', 'lost', 'unknown', 'look_up:timeout', 1, now() FROM cases WHERE ticket_id = %s"
        " RETURNING id",
        ticket,
    )
    with house.desk.db.tx() as conn:
        case = cases.latest(conn, ticket, "data_deletion")
        assert case is not None
        effects = store.of_case(conn, case.id)
        known = facts.load(conn, case, house.desk.vault)
    [lost] = [effect for effect in effects if effect.verb == "renew_card"]
    assert lost.sent_at is not None
    now = lost.sent_at + timedelta(seconds=notes.WORTH_TELLING * house.settings().retry_base + after)
    parts = (Texts.load("en"), case, effects, house.settings(), known, now)
    text, stable = (notes.Note(*parts, stable=is_stable).text() for is_stable in (False, True))
    assert ("renew_card 0" in stable) == told
    assert ("Unclear whether it was done" in text) == told

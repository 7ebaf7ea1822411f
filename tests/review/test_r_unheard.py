"""Withdrawn on one ticket while the other has not heard of it yet: nobody decides meanwhile, the newer wish wins."""

from __future__ import annotations

from tests.house import House
from tests.kit import (
    Sent,
    buttons,
    card_of,
    cards_of,
    edit,
    next_round,
    quiet_for,
    retag,
    sent,
)
from tests.procedure.people import Person
from tests.review.scenes import REQUESTED, WITHDRAWN


def hold(house: House, what: str) -> None:
    """Timers of this kind do not fire before `release`: the worker is slow, or away."""
    with house.sql() as conn:
        conn.execute(
            "CREATE OR REPLACE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF starts_with(NEW.what, '{what}') AND NEW.fired_at IS NULL THEN"
            " NEW.due_at := NEW.due_at + interval '1 hour'; END IF; RETURN NEW; END $$"
        )
        conn.execute("CREATE TRIGGER later BEFORE INSERT OR UPDATE ON timers FOR EACH ROW EXECUTE FUNCTION later()")


def release(house: House, what: str) -> None:
    with house.sql() as conn:
        conn.execute("DROP TRIGGER later ON timers")
        conn.execute("UPDATE timers SET due_at = now() WHERE starts_with(what, %s) AND fired_at IS NULL", (what,))
    waiting = "SELECT 1 FROM timers WHERE starts_with(what, %s) AND fired_at IS NULL"
    house.wait(lambda: not house.rows(waiting, what), what="the timers have fired")
    house.settle()


def withdrawn_unheard(house: House, who: Person) -> tuple[int, int]:
    """A main ticket and its follower, withdrawn there; the main one does not hear of it before `release`."""
    main = who.main()
    second = who.ticket("pref_stop_all")
    house.wait_state(second, "joined")
    hold(house, "withdrawn")
    house.tag(second, WITHDRAWN)
    house.wait_state(second, "withdrawn")
    return main, second


def test_withdrawn_on_the_follower_just_before_the_main_one_is_amended(house: House) -> None:
    """Two withdrawals on two tickets, the whole one first: the new round of the main ticket hears of it."""
    main, _ = withdrawn_unheard(house, Person(house, 305))
    house.tag(main, WITHDRAWN, "resume_sms")
    next_round(house, main, 2)
    release(house, "withdrawn")
    house.wait_state(main, "withdrawn")
    assert [buttons(card) for card in cards_of(house, main)] == [[], []]
    assert sent(house, main).issues == 0


def test_withdrawn_on_the_follower_just_before_the_main_one_is_taken_over(house: House) -> None:
    who = Person(house, 306)
    main = who.main("pref_stop_sms")
    second = who.ticket("pref_stop_sms")
    house.wait_state(second, "joined")
    third = who.ticket(fields={"backoffice": ""})
    house.tag(third, REQUESTED, "pref_stop_all")  # received before the withdrawal, complete after it
    house.wait_state(third, "incomplete")
    hold(house, "withdrawn")
    house.tag(second, WITHDRAWN)
    house.wait_state(second, "withdrawn")
    edit(house, third, backoffice="https://backoffice.example.com/customers/306")
    house.wait_state(third, "awaiting")
    house.wait_state(main, "joined")
    release(house, "withdrawn")
    house.wait_state(third, "withdrawn")
    assert buttons(card_of(house, third)) == []
    assert sent(house, third).issues == 0


def test_withdrawn_on_the_follower_nobody_approves_the_main_one_meanwhile(house: House) -> None:
    main, _ = withdrawn_unheard(house, Person(house, 307))
    house.press("approve", card=card_of(house, main))
    house.wait(lambda: house.answers("U0AISYAH"), what="the presser is told")
    assert "no longer open" in house.answers("U0AISYAH")[-1]
    release(house, "withdrawn")
    house.wait_state(main, "withdrawn")
    assert sent(house, main) == Sent(mails=1, cards=1)


def test_asked_anew_on_the_main_ticket_after_a_withdrawal_on_the_follower(house: House) -> None:
    """The withdrawal is heard of late: the newer wish stands (0.15)."""
    main, _ = withdrawn_unheard(house, Person(house, 308))
    retag(house, main)
    house.settle()
    release(house, "withdrawn")
    quiet_for(house)
    assert house.case(main)["state"] == "awaiting"
    assert buttons(card_of(house, main))

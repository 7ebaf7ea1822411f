"""The daily list of wishes not confirmed: once a day, forty lines, none when it is switched off (features 0.34)."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from click.testing import CliRunner

from app.cli import main
from tests.house import House
from tests.kit import quiet_for
from tests.people import DETAILS
from tests.procedure.clocks_kit import ADVICE, digest_now, digests


def test_sop_0_34_digest_of_wishes_not_confirmed_once_a_day(database: str) -> None:
    with House(database, digest_at="09:00") as house:
        [timer] = house.rows("SELECT due_at FROM timers WHERE name = 'desk:digest'")
        assert timer["due_at"].astimezone(ZoneInfo("Asia/Kuala_Lumpur")).strftime("%H:%M") == "09:00"
        digest_now(house)
        assert digests(house) == [], "no wishes, no message"
        old, young = house.to_awaiting("pref_delete_all"), house.to_awaiting()
        late, done = house.to_awaiting(), house.to_awaiting()
        house.press("decline", card=next(m for m in house.cards() if f"#{done}>" in m["text"]))
        house.wait_state(done, "declined")
        with house.sql() as conn:
            conn.execute("UPDATE cases SET received_at = now() - interval '5 days 1 hour' WHERE ticket_id = %s", (old,))
            conn.execute("UPDATE cases SET due_at = now() - interval '1 hour' WHERE ticket_id = %s", (late,))
        first = (house.worker_desk, house._worker)
        house.start_worker()  # a second worker beside it
        try:
            digest_now(house)
            [told] = digests(house)
            text = "\n".join(block["text"]["text"] for block in told["blocks"])
            assert "3, of which overdue: 1" in text
            lines = [line for line in text.splitlines() if "agent/tickets/" in line]
            assert [int(line.partition("#")[2].partition(">")[0]) for line in lines] == [late, old, young]
            assert lines[0].startswith("OVERDUE")
            assert "delete personal data, waiting for a supervisor" in lines[1]
            assert "5 day(s) old" in lines[1]
            assert ADVICE in text
            assert not [word for word in (*DETAILS.values(), "Siti", "siti@", "345 6") if word in str(told)]
            digest_now(house)
            assert len(digests(house)) == 1, "once a day, though the timer came twice"
        finally:
            first[0].stopping.set()
            first[1].join(10)
            first[0].db.close()
        listed = CliRunner().invoke(main, ["cases", "list", "--json"], env=house.environment).stdout
        assert '"ticket_id": 0' not in listed, "the desk's own books are no case"


def test_forty_lines_and_the_number_of_the_rest(database: str) -> None:
    with House(database, digest_at="09:00") as house:
        with house.sql() as conn:
            conn.execute(
                "INSERT INTO cases (ticket_id, procedure, generation, state, received_at)"
                " SELECT 1000 + n, 'data_deletion', 1, 'incomplete', now() - make_interval(mins => n)"
                " FROM generate_series(1, 45) n"
            )
        digest_now(house)
        [told] = digests(house)
        text = "\n".join(block["text"]["text"] for block in told["blocks"])
        assert len(re.findall("agent/tickets/", text)) == 40
        assert "and 5 more" in text
        assert text.index("#1045>") < text.index("#1044>"), "the oldest first"


def test_no_digest_when_it_is_switched_off(house: House) -> None:
    house.to_awaiting()
    with house.sql() as conn:
        conn.execute("INSERT INTO timers (name, what, due_at) VALUES ('desk:digest', 'digest', now())")
    house.wait(lambda: house.rows("SELECT 1 FROM events WHERE fact LIKE 'time:desk:digest:%%' AND state = 'void'"))
    quiet_for(house, 0.1)
    assert digests(house) == []

"""Lists that come back (`desk suppress import`) and one person's history (`desk consent show`)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from app.suppress.columns import verdict
from tests.procedure.suppress_kit import VAULT, Book, Run, book, put, run

__all__ = ["book", "run"]  # fixtures
IMPORT = ("suppress", "import", "list.csv", "--source", "crm")
LIST = (
    "phone,email,Status\n"
    "0123456789,,Subscribed\n"
    "0199999999,,opted in\n"
    ",new@example.my,tidak setuju\n"
    "0188888888,,退订\n"
    "0177777777,,perhaps\n"
    ",,yes\n"
)


def test_sop_0_9_a_list_that_comes_back_is_compared_and_the_ban_stays(run: Run, book: Book) -> None:
    book.say("0123456789", "any", "calls")
    before = book.entries()
    put(LIST)
    said = run(*IMPORT, "--json", code=1)
    assert said.stderr == "desk: 1 rows say yes where the ledger says no\n"
    found = json.loads(said.stdout)
    assert (found["rows"], found["yes"], found["no"], found["contradictions"]) == (6, 2, 2, 1)
    assert (found["unknown_no"], found["recorded"]) == (2, 0)
    assert book.entries() == before, "nothing in the ledger changed"
    assert Path("list.contradictions.csv").read_text() == (
        "phone,email,Status,reason,since\n"
        "0123456789,,Subscribed,opted_out,2026-11-01T08:00:00Z\n"
        "0177777777,,perhaps,unknown_status,\n"
        ",,yes,no_identifier,\n"
    )
    (line,) = book.journal("list_imported")
    assert (line["case_id"], line["reason"]) == (None, "contradicted")
    assert line["detail"] == {
        "source": "crm", "purpose": "offers", "channel": "all", "rows": 6, "contradictions": 1, "recorded": 0,
        "unreadable": 2, "rechecks": None,
    }  # fmt: skip


def test_sop_3_2_a_no_that_only_the_list_knows_is_taken_over_once(run: Run, book: Book) -> None:
    put("phone,subscribed\n0123456789,no\n0123456789,N\n0199999999,yes\n")
    run(*IMPORT)
    assert book.entries() == [], "only when it is asked for"
    assert "entries recorded: 5" in run(*IMPORT, "--record").stdout
    assert "entries recorded: 0" in run(*IMPORT, "--record").stdout
    entries = book.entries()
    assert {entry["person"] for entry in entries} == {VAULT.digest("phone", "+60123456789")}
    assert {entry["channel"] for entry in entries} == {"any", "calls", "sms", "email", "push"}
    assert {(e["allowed"], e["case_id"], e["ticket_id"], e["actor"]) for e in entries} == {
        (False, None, None, "import:crm")
    }
    put("phone\n0123456789\n", "campaign.csv")
    run("suppress", "check", "campaign.csv", "--channel", "push")
    assert Path("campaign.allowed.csv").read_text() == "phone\n"


def test_one_channel_of_a_list_is_one_channel_of_the_ledger(run: Run, book: Book) -> None:
    book.say("0123456789", "sms")
    put("phone,opt_out\n0123456789,0\n0199999999,1\n")
    run(*IMPORT, "--channel", "calls", "--record")
    assert [(e["channel"], e["allowed"]) for e in book.entries()] == [("sms", False), ("calls", False)]
    run(*IMPORT, "--channel", "sms", code=1)


def test_a_ban_above_the_channels_is_known_for_each_of_them(run: Run, book: Book) -> None:
    book.say("0123456789", "any")
    put("phone,subscribed\n0123456789,no\n")
    for channel in ("calls", "all"):
        found = json.loads(run(*IMPORT, "--channel", channel, "--record", "--json").stdout)
        assert (found["unknown_no"], found["recorded"]) == (0, 0)


def test_a_list_that_agrees_leaves_no_report(run: Run, book: Book) -> None:
    put("email,consent\nali@example.my,ya\n")
    run(*IMPORT)
    assert [path.name for path in Path().iterdir()] == ["list.csv"]
    (line,) = book.journal("list_imported")
    assert line["reason"] == ""


def test_a_list_that_cannot_be_understood_is_no_agreement(run: Run, book: Book) -> None:
    put("email,tier,news\nali@example.my,gold,yes\n")
    assert "says yes or no" in run(*IMPORT, code=2).stderr
    run(*IMPORT, "--status-column", "news")
    said = run(*IMPORT, "--status-column", "tier", code=1).stderr
    assert said == "desk: 1 rows cannot be read: nobody knows whether they contradict the ledger\n"
    assert "no 'x' found" in run(*IMPORT, "--status-column", "x", "--force", code=2).stderr


def test_usage_of_import(run: Run, book: Book) -> None:
    put("email,consent\nali@example.my,ya\n")
    assert "one word" in run("suppress", "import", "list.csv", "--source", "Ali 0123456789", code=2).stderr
    put("email,age\nali@example.my,3\n")
    assert "says yes or no" in run(*IMPORT, code=2).stderr
    assert book.journal("list_imported") == []


@pytest.mark.parametrize(
    ("word", "says"),
    [("Yes", True), (" opted-in ", True), ("YA", True), ("同意", True), ("1", True), ("TRUE", True), ("Setuju", True),
     ("no", False), ("Opted Out", False), ("unsubscribed", False), ("Tidak", False), ("不同意", False), ("0", False),
     ("", None), ("pending", None), ("2", None), ("yes/no", None)],
)  # fmt: skip
def test_words_that_say_yes_or_no(word: str, says: bool | None) -> None:
    assert verdict(word, inverse=False) is says
    assert verdict(word, inverse=True) is (None if says is None else not says)


@pytest.fixture
def told(book: Book) -> Book:
    """Calls stopped on 1 November, allowed again on the 10th; the rows' times are set before they are written."""
    digest = VAULT.digest("phone", "+60123456789")
    with psycopg.connect(book.uri) as conn:
        for day, allowed in ((1, False), (10, True)):
            at = datetime(2026, 11, day, 8, tzinfo=UTC)
            conn.execute(
                "INSERT INTO consents (person, kind, purpose, channel, allowed, ticket_id, actor, wording, wished_at,"
                " recorded_at) VALUES (%s, 'phone', 'offers', 'calls', %s, 417, '9001', 'w1', %s, %s)",
                (digest, allowed, at, at),
            )
    return book


def test_sop_4_1_what_was_known_on_a_day_is_a_question(run: Run, told: Book) -> None:
    def calls(*words: str) -> tuple[list[str], str]:
        found = json.loads(run("consent", "show", "--phone", "012-345 6789", "--json", *words).stdout)
        standing = {row["channel"]: row["suppressed"] for row in found["standing"]}
        assert standing["email"] == "no"
        return [row["says"] for row in found["history"]], standing["calls"]

    assert calls() == (["no", "yes"], "no")
    assert calls("--on", "2026-11-05") == (["no"], "yes")
    assert calls("--on", "2026-11-10T15:59") == (["no"], "yes"), "in the desk's own zone, +08"
    assert calls("--on", "2026-11-10T08:00:00Z") == (["no", "yes"], "no")
    assert calls("--on", "2026-11-10") == (["no", "yes"], "no"), "a day is its end"
    said = run("consent", "show", "--phone", "0123456789", "--on", "2026-10-31", code=3).stderr
    assert said == "desk: the ledger knows nothing of this person on that day\n"


def test_the_history_as_a_table_with_ticket_actor_and_wording(run: Run, told: Book) -> None:
    lines = run("consent", "show", "--phone", "0123456789").stdout.splitlines()
    assert "2026-11-01 16:00:00 +08" in lines[1]
    for word in ("offers", "calls", "no", "417", "9001", "w1"):
        assert word in lines[1].split()
    assert "where it stands" in lines


def test_the_value_can_stay_out_of_the_shells_history(run: Run, told: Book) -> None:
    assert "417" in run("consent", "show", "--phone", "-", stdin="+60 12 345 6789\n").stdout
    assert "shell's" in run("consent", "show", "--help").stdout


def test_refusals_of_consent_show_name_nobody(run: Run, told: Book) -> None:
    for words, code in (
        (("--phone", "0199999999"), 3), (("--email", "ali@example.my"), 3), (("--phone", "hunter2"), 2),
        (("--email", "hunter2"), 2), ((), 2), (("--phone", "1", "--email", "a@b"), 2), (("--phone", "-"), 2),
        (("--phone", "0123456789", "--on", "hunter2"), 2),
    ):  # fmt: skip
        said = run("consent", "show", *words, code=code, stdin="").stderr
        assert "hunter2" not in said
        assert "ali@" not in said

"""`desk suppress check`: a campaign's file beside the consent ledger. No row is let through in doubt."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from tests.procedure.suppress_kit import Book, Run, book, cells, out, put, reasons, refused, run

__all__ = ["book", "run"]  # fixtures


def test_sop_1_7_a_campaign_file_is_parted_before_anybody_is_written_to(run: Run, book: Book) -> None:
    book.say("012-345 6789", "any")
    book.say("stop@example.my", "calls")
    put(
        "name,Phone No.,E-mail\r\n"
        'Ali,"+60123456789",ali@example.my\r\n'
        '"Mei, Ling",013-222 3333,mei@example.my\r\n'
        "=HYPERLINK(1),0133334444,STOP@Example.my\r\n"
    )
    said = run("suppress", "check", "list.csv", "--channel", "calls").stdout
    assert "3 rows: 1 allowed, 2 refused" in said
    (line,) = book.journal("campaign_checked")
    assert line["detail"] == {"purpose": "offers", "channel": "calls", "rows": 3, "allowed": 1, "refused": 2}
    assert out("allowed") == b'name,Phone No.,E-mail\r\n"Mei, Ling",013-222 3333,mei@example.my\r\n'
    assert out("refused") == (
        b"name,Phone No.,E-mail,reason,since\r\n"
        b'Ali,"+60123456789",ali@example.my,opted_out,2026-11-01T08:00:00Z\r\n'
        b"=HYPERLINK(1),0133334444,STOP@Example.my,opted_out:calls,2026-11-01T08:00:00Z\r\n"
    )


def test_each_channel_and_purpose_is_asked_apart_and_all_means_any(run: Run, book: Book) -> None:
    book.say("0123456789", "sms")
    book.say("0123456788", "any", purpose="profiling")
    put("phone\n0123456789\n0123456788\n")
    for channel, count in (("calls", 0), ("email", 0), ("push", 0), ("sms", 1), ("all", 1)):
        run("suppress", "check", "list.csv", "--channel", channel, "--force")
        assert len(refused()) == count, channel
    run("suppress", "check", "list.csv", "--channel", "all", "--purpose", "profiling", "--force")
    assert [row["phone"] for row in refused()] == ["0123456788"]


def test_a_newer_yes_lifts_and_nobody_unknown_is_refused(run: Run, book: Book) -> None:
    book.say("0123456789")
    book.say("0123456789", allowed=True)
    put("mobile\n0123456789\n0199999999\n")
    result = json.loads(run("suppress", "check", "list.csv", "--channel", "all", "--json").stdout)
    assert (result["rows"], result["allowed"], result["refused"], result["reasons"]) == (2, 2, 0, {})


KNOWN = (
    "+60123456789", "60123456789", "0060 12 345 6789", "012-3456789", "(012) 345.6789", "123456789", "60123456789.0",
    "'0123456789", '="0123456789"', "tel:+60123456789", "+60 (0)12-345 6789", "０１２３４５６７８９",
    "019-1112222 / 012-3456789", "\u200b0123456789", "Stop@Example.MY", "Ali <stop@example.my>",
    "a@b.my;stop@example.my", "stop@example.my 0191112222", "x@b.my / 0123456789",
)  # fmt: skip
MAYBE_SOMEBODY = (
    "6.01E+10",
    "12345x",
    "0123456789 ext 12",
    "someone@",
    "@@",
    "0123456789012345678",
    "a@b@c",
    "1/2/3/4/5",
)


def test_a_person_is_known_in_whatever_shape_a_spreadsheet_left(run: Run, book: Book) -> None:
    book.say("0123456789")
    book.say("stop@example.my")
    cells(*KNOWN, "0191112222")
    run("suppress", "check", "list.csv", "--channel", "calls")
    assert [(row["contact"], row["reason"]) for row in refused()] == [(cell, "opted_out") for cell in KNOWN]
    assert out("allowed") == b"contact,email\r\n0191112222,good@example.my\r\n"


def test_what_may_be_somebody_and_cannot_be_read_is_refused(run: Run) -> None:
    cells(*MAYBE_SOMEBODY)
    run("suppress", "check", "list.csv", "--channel", "calls")
    assert reasons() == ["unreadable"] * len(MAYBE_SOMEBODY)


def test_a_row_that_names_nobody_is_refused(run: Run) -> None:
    put("phone,email\n,\n-,n/a\n0,\n , \nAli,Abu\n")
    run("suppress", "check", "list.csv", "--channel", "calls")
    assert reasons() == ["no_identifier"] * 5


def test_delimiters_marks_and_ends_of_lines(run: Run, book: Book) -> None:
    book.say("0123456789")
    for delimiter, bom, end in itertools.product(",;\t", (b"", b"\xef\xbb\xbf"), ("\n", "\r\n", "\r")):
        rows = [["手机", "nama"], ["0123456789", "Ali"], ["0199999999", "陈"]]
        put(bom + end.join(delimiter.join(row) for row in rows).encode())
        run("suppress", "check", "list.csv", "--channel", "sms", "--force")
        assert out("allowed") == bom + f"手机{delimiter}nama{end}0199999999{delimiter}陈".encode()
        ours = [["手机", "nama", "reason", "since"], ["0123456789", "Ali", "opted_out", "2026-11-01T08:00:00Z"]]
        assert out("refused") == bom + "".join(delimiter.join(row) + end for row in ours).encode()


def test_a_row_of_several_lines_comes_back_as_it_was(run: Run, book: Book) -> None:
    book.say("0123456789")
    kept = b'id,phone,note\n1,0199999999,"Jalan 1, KL\n""old"" customer\r\n"\n'
    put(kept + b'2,0123456789,"a\nb"\n\n3,0199999998,last')
    said = run("suppress", "check", "list.csv", "--channel", "calls", "--json").stdout
    assert out("allowed") == kept + b"3,0199999998,last"
    assert [(row["id"], row["note"], row["reason"]) for row in refused()] == [("2", "a\nb", "opted_out")]
    assert json.loads(said)["blank_lines"] == 1


BAD = (
    b"2,01\x0023456789,nul", b"2,0191111111,\xff\xfe", b"2,0191111111", b"2,0191111111,x,y", b'2,"0191111111"x,y',
    b'2,"0191111111,y', b'2,0191111111,"never closed',
)  # fmt: skip


def test_a_row_that_cannot_be_read_is_refused_and_costs_no_other(run: Run, book: Book) -> None:
    book.say("0123456789")
    for bad in BAD:
        put(b"id,phone,note\n1,0199999999,x\n" + bad + b"\n3,0123456789,x\n4,0199999998,x\n5,0199999997,x\n")
        run("suppress", "check", "list.csv", "--channel", "calls", "--force")
        assert out("allowed") == b"id,phone,note\n1,0199999999,x\n4,0199999998,x\n5,0199999997,x\n", bad
        found = refused()
        assert [row["reason"] for row in found] == ["unreadable", "opted_out"]
        assert found[0]["id"].encode("utf-8", "surrogateescape") == bad, "the row is there as it was"


def test_a_quote_that_swallowed_another_customer_hides_nobody(run: Run, book: Book) -> None:
    """Two stray quotes and two columns: a well-formed record that holds two customers."""
    book.say("0123456789")
    put('name,phone\n"Ali,0123456789\nBala","0199999999"\nChandra,0199999998\n')
    run("suppress", "check", "list.csv", "--channel", "calls")
    assert out("allowed") == b"name,phone\nChandra,0199999998\n"
    assert reasons() == ["opted_out"]


def test_all_columns_that_name_a_person_count_and_columns_can_be_named(run: Run, book: Book) -> None:
    book.say("0123456789")
    put("Customer_Phone 1,Customer_Phone 2,x\n0199999999,0123456789,0188888888\n")
    run("suppress", "check", "list.csv", "--channel", "calls")
    assert reasons() == ["opted_out"]
    run("suppress", "check", "list.csv", "--channel", "calls", "--phone-column", "X", "--force")
    assert reasons() == []


def test_columns_that_are_not_there(run: Run) -> None:
    put("nama;umur\nAli;40\n")
    assert "headers are: nama, umur" in run("suppress", "check", "list.csv", "--channel", "calls", code=2).stderr
    said = run("suppress", "check", "list.csv", "--channel", "calls", "--email-column", "mel", code=2).stderr
    assert "no 'mel' found" in said
    put("Ali,0123456789\nAbu,0123456788\n")
    said = run("suppress", "check", "list.csv", "--channel", "calls", code=2).stderr
    assert "not headers but a row" in said
    assert "0123456789" not in said
    for content in (b"", b"\n", b"\xff\xfep\0h\0o\0n\0e\0", b"ph\xffone\n1\n"):
        put(content)
        run("suppress", "check", "list.csv", "--channel", "calls", code=2)
    run("suppress", "check", "missing.csv", "--channel", "calls", code=2)
    run("suppress", "check", "list.csv", code=2)
    assert [path.name for path in Path().iterdir()] == ["list.csv"]


def test_a_reason_column_of_the_lists_own_stays_its_own(run: Run) -> None:
    put("phone,reason\n,theirs\n")
    run("suppress", "check", "list.csv", "--channel", "calls")
    assert out("refused") == b"phone,reason,desk_reason,since\n,theirs,no_identifier,\n"

"""`desk suppress check`: a campaign's file beside the consent ledger. No row is let through in doubt."""

from __future__ import annotations

import csv
import hashlib
import hmac
import itertools
import json
import os
import random
import re
import stat
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from dotenv import dotenv_values

from app.cli import main
from app.consent import ledger, person
from app.db import Database
from app.settings import CHANNELS
from app.suppress import lookup
from app.suppress.identifiers import of_cell
from app.vault import Vault
from app.wish import FULL_WIDTH, normalise_phone

ROOT = Path(__file__).resolve().parent.parent.parent
ENV = {name: value or "" for name, value in dotenv_values(ROOT / ".env.example").items()}
VAULT = Vault(ENV["DATA_KEY"])
WISHED = datetime(2026, 11, 1, 8, tzinfo=UTC)
Run = Callable[..., Result]


class Book:
    """The ledger of a test."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.db = Database(uri, size=1)
        self.db.open()

    def say(self, value: str, *channels: str, allowed: bool = False, when: datetime = WISHED, case: int | None = None,
            purpose: str = "offers") -> None:  # fmt: skip
        who = person.mail(VAULT, value) if "@" in value else person.phone(VAULT, value)
        assert who is not None
        new = [
            ledger.New(who, channel, allowed, "9", "w1", ledger.ASKED, when, case_id=case, purpose=purpose)
            for channel in channels or ledger.ALL
        ]
        with self.db.tx() as conn:
            ledger.append(conn, new)

    def entries(self) -> list[dict[str, object]]:
        with self.db.tx() as conn:
            return conn.execute("SELECT * FROM consents ORDER BY id").fetchall()

    def journal(self, what: str) -> list[dict[str, object]]:
        with self.db.tx() as conn:
            return conn.execute("SELECT * FROM journal WHERE what = %s ORDER BY id", (what,)).fetchall()


@pytest.fixture
def book(database: str) -> Iterator[Book]:
    made = Book(database)
    yield made
    made.db.close()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, book: Book) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*words: object, code: int = 0, stdin: str | None = None, **env: str) -> Result:
        environment = {**ENV, "DATABASE_URL": book.uri, **env}
        result = CliRunner().invoke(main, [str(word) for word in words], env=environment, input=stdin)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    return call


def put(text: str | bytes, name: str = "list.csv") -> Path:
    path = Path(name)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def out(word: str) -> bytes:
    return Path(f"list.{word}.csv").read_bytes()


def refused() -> list[dict[str, str]]:
    with Path("list.refused.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def reasons() -> list[str]:
    return [row["reason"] for row in refused()]


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


def cells(*given: str) -> None:
    with Path("list.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("contact", "email"), *((cell, "good@example.my") for cell in given)])


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


def test_nothing_is_overwritten_unless_forced_and_rights_are_the_lists(run: Run) -> None:
    put("phone\n0199999999\n").chmod(0o640)
    Path("list.allowed.csv").write_text("precious")
    assert "--force" in run("suppress", "check", "list.csv", "--channel", "calls", code=2).stderr
    assert out("allowed") == b"precious"
    assert not Path("list.refused.csv").exists()
    same = ("--allowed", "list.csv", "--force")
    assert "different files" in run("suppress", "check", "list.csv", "--channel", "calls", *same, code=2).stderr
    twice = ("--allowed", "a.csv", "--refused", "./a.csv")
    assert "different files" in run("suppress", "check", "list.csv", "--channel", "calls", *twice, code=2).stderr
    run("suppress", "check", "list.csv", "--channel", "calls", "--force")
    assert out("allowed") == b"phone\n0199999999\n"
    assert stat.S_IMODE(Path("list.refused.csv").stat().st_mode) == 0o640
    assert sorted(path.name for path in Path().iterdir()) == ["list.allowed.csv", "list.csv", "list.refused.csv"]


def test_who_says_no_while_the_file_is_read_is_refused_too(
    run: Run, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(b"\xef\xbb\xbfphone\n0199999999\n0123456789\n0188888888\n")
    real, late = lookup.standing, []

    def meanwhile(*given: object) -> object:
        found = real(*given)  # type: ignore[arg-type]
        if not late:
            late.append(book.say("0123456789", "calls"))
        return found

    monkeypatch.setattr(lookup, "standing", meanwhile)
    said = json.loads(run("suppress", "check", "list.csv", "--channel", "calls", "--json").stdout)
    assert (said["allowed"], said["refused"], said["refused_while_reading"]) == (2, 1, 1)
    assert out("allowed") == b"\xef\xbb\xbfphone\n0199999999\n0188888888\n"
    assert reasons() == ["opted_out:calls"]
    assert len(list(Path().iterdir())) == 3


def test_the_database_fails_in_the_middle_and_nothing_is_left(
    run: Run, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*given: object) -> object:
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(lookup, "standing", lost)
    put("phone\n0199999999\n")
    run("suppress", "check", "list.csv", "--channel", "calls", code=4)
    run("suppress", "check", "list.csv", "--channel", "calls", code=4, DATABASE_URL="postgresql://u@127.0.0.1:9/x")
    assert [path.name for path in Path().iterdir()] == ["list.csv"]


def desk(
    folder: Path, uri: str, *words: str, limit: int | None = None, **more: object
) -> subprocess.CompletedProcess[str]:
    """A real process, which may write no file larger than `limit` bytes: what a full disk is to it."""
    code = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        * bool(limit)
        + "import sys\nfrom pathlib import Path\nfrom app.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally:\n"
        "    if Path('/proc/self/status').exists(): print(Path('/proc/self/status').read_text(), file=sys.stderr)"
    )
    env = {**os.environ, **ENV, "DATABASE_URL": uri, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, env=env, text=True, check=False,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 100, **more},
    )  # fmt: skip


def test_a_full_disk_leaves_no_half_file(run: Run, book: Book, tmp_path: Path) -> None:
    put("phone\n" + "".join(f"01{n:08d}\n" for n in range(3000)))
    done = desk(tmp_path, book.uri, "suppress", "check", "list.csv", "--channel", "calls", limit=20_000)
    assert done.returncode == 7, done.stderr
    assert "desk: the output cannot be written\n" in done.stderr
    assert [path.name for path in Path().iterdir()] == ["list.csv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_terminal_shows_a_bar_and_an_answer_that_cannot_be_given_is_an_error(
    run: Run, book: Book, tmp_path: Path
) -> None:
    put("phone\n0199999999\n")
    ours, theirs = os.openpty()
    with Path("/dev/full").open("w") as full:
        words = ("suppress", "check", "list.csv", "--channel", "calls", "--json")
        done = desk(tmp_path, book.uri, *words, stderr=theirs, stdout=full)
    os.close(theirs)
    seen = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 7, seen
    assert "reading" in seen
    assert "100%" in seen


def shuffled(rows: int, seed: int) -> tuple[list[str], set[int]]:
    """Generated lines of a campaign file, and the places of those who have opted out (all channels)."""
    dice = random.Random(seed)
    out_of = set(dice.sample(range(rows), rows // 10))
    shapes = ("0{0}", "+60{0}", "60{0}", "0060{0}", "0{1}-{2} {3}")
    lines = []
    for n in range(rows):
        number = f"11{n:08d}"
        phone = dice.choice(shapes).format(number, number[:2], number[2:6], number[6:])
        lines.append(f'{n},"Aina, {n}",{phone},aina{n}@example.my\n')
    return lines, out_of


def fill(uri: str, numbers: Iterator[int]) -> None:
    with psycopg.connect(uri) as conn, conn.cursor() as cursor:
        columns = "person, kind, purpose, channel, allowed, actor, wording, wished_at"
        with cursor.copy(f"COPY consents ({columns}) FROM STDIN") as copy:
            for n in numbers:
                digest = VAULT.digest("phone", f"+6011{n:08d}")
                copy.write_row((digest, "phone", "offers", "any", False, "9", "w1", WISHED))
        cursor.execute("ANALYZE consents")


def test_thirty_thousand_rows(run: Run, book: Book) -> None:
    lines, out_of = shuffled(30_000, 7)
    fill(book.uri, iter(sorted(out_of)))
    put("id,name,phone,email\n" + "".join(lines))
    said = json.loads(run("suppress", "check", "list.csv", "--channel", "email", "--json").stdout)
    assert (said["rows"], said["allowed"], said["refused"]) == (30_000, 27_000, 3_000)
    kept = [line for n, line in enumerate(lines) if n not in out_of]
    assert out("allowed").decode() == "id,name,phone,email\n" + "".join(kept)
    assert [int(row["id"]) for row in refused()] == sorted(out_of)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_million_rows_in_flat_memory(run: Run, book: Book, tmp_path: Path) -> None:
    """A million rows beside a million suppressed persons, a tenth of them in the file: under 150 MB."""
    lines, out_of = shuffled(1_000_000, 11)
    others = range(1_000_000, 1_900_000)
    fill(book.uri, iter([*sorted(out_of), *others]))
    put("id,name,phone,email\n" + "".join(lines))
    done = desk(tmp_path, book.uri, "suppress", "check", "list.csv", "--channel", "all", "--json", timeout=500)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["rows"], said["allowed"], said["refused"]) == (1_000_000, 900_000, 100_000)
    # Not getrusage: what this process took before it became the desk's counts there, and that is pytest's memory.
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stderr)
    assert peak, "no /proc here"
    assert int(peak[1]) / 1024 < 150


def test_bulk_and_single_question_agree_on_a_random_ledger(book: Book) -> None:
    dice = random.Random(20261121)
    people = [f"+6012000{n:04d}" for n in range(60)]
    with book.db.tx() as conn:
        cases = [
            conn.execute(
                "INSERT INTO cases (ticket_id, procedure, generation, state) VALUES (%s, 'data_deletion', 1, 'opened')"
                " RETURNING id",
                (n,),
            ).fetchone()["id"]  # type: ignore[index]
            for n in (1, 2, 3)
        ]
    for _ in range(600):
        book.say(
            dice.choice(people), dice.choice(ledger.ALL), allowed=dice.random() < 0.5, case=dice.choice([None, *cases]),
            purpose=dice.choice(ledger.PURPOSES), when=WISHED + timedelta(days=dice.randrange(30)),
        )  # fmt: skip
    digests = [VAULT.digest("phone", one) for one in people]
    no = 0
    with book.db.tx() as conn:
        for purpose in ledger.PURPOSES:
            singles = {}
            for channel in CHANNELS:
                bulk = lookup.standing(conn, digests, purpose, channel)
                for digest in digests:
                    one = ledger.standing(conn, [digest], purpose, channel)[digest]
                    single = None if one is None or one.allowed else lookup.Standing(one.channel, one.wished_at)
                    assert bulk.get(digest) == single
                    singles[digest] = singles.get(digest, False) or single is not None
                    no += single is not None
            assert {digest for digest, is_no in singles.items() if is_no} == set(
                lookup.standing(conn, digests, purpose, "all")
            )
            assert set(lookup.at_no(conn, digests, purpose, "all")) == set(
                lookup.standing(conn, digests, purpose, "all")
            )
    assert 50 < no < 650, "both answers occur"


def test_the_mark_lies_before_whatever_is_not_committed_yet(book: Book) -> None:
    """Ids are given before the commit: one that is older than the newest visible one may come up later."""
    book.say("0123456789", "calls", when=WISHED)
    with psycopg.connect(book.uri) as slow:
        slow.execute(
            "INSERT INTO consents (person, kind, purpose, channel, allowed, actor, wording, wished_at)"
            " VALUES ('p', 'phone', 'offers', 'calls', false, '9', 'w1', now())"
        )
        book.say("0123456788", "calls")
        with book.db.each() as conn:
            before = lookup.mark(conn)
        slow.commit()
    with book.db.each() as conn:
        assert "p" in (lookup.refused_since(conn, before, "offers", "calls") or ())


def slowly(text: str) -> str:
    """normalise_phone without its short cut."""
    seen = "".join(char for char in text if unicodedata.category(char) != "Cf")
    compact = re.sub(r"[\s().\-‐-―−]", "", seen.translate(FULL_WIDTH))
    compact = "".join(str(unicodedata.decimal(char, char)) for char in compact)
    compact = re.sub(r"^\+?00", "+", compact)
    if not re.fullmatch(r"\+?[0-9]{7,15}", compact, re.ASCII):
        return ""
    for shape, full in (
        (r"\+?0(.*)", "+60{}"),
        (r"\+600+(?:([1-9].{4,})|.*)", "+60{}"),
        (r"(\+.*)", "{}"),
        (r"(1.{8,9})", "+60{}"),
        (r"(?=.{10})600+(?:([1-9].{4,})|.*)", "+60{}"),
        (r"(.{10,})", "+{}"),
    ):
        if found := re.fullmatch(shape, compact):
            return "" if found[1] is None else full.format(found[1])
    return compact


def test_the_short_cut_for_usual_numbers_changes_no_result() -> None:
    dice = random.Random(4)
    signs = "0" * 6 + "60123456789" * 4 + "++  --().\t\n\u200b\xa0–‐٣０９²x+"
    found = 0
    for _ in range(60_000):
        text = "".join(dice.choices(signs, k=dice.randrange(20)))
        assert normalise_phone(text) == slowly(text), ascii(text)
        found += normalise_phone(text) != ""
    assert found > 5_000


def test_the_keyed_hash_is_what_it_always_was() -> None:
    """HMAC-SHA256 under the key that HKDF makes of DATA_KEY (RFC 2104, RFC 5869), whatever is done to make it quick."""
    secret = hmac.digest(bytes(32), ENV["DATA_KEY"].encode(), "sha256")
    key = hmac.digest(secret, b"desk keyed hash\x01", "sha256")
    expected = hmac.new(key, b"mail:ali@example.my", hashlib.sha256).hexdigest()
    assert [VAULT.digest("mail", " Ali@Example.my ") for _ in range(2)] == [expected] * 2


def test_no_cell_is_taken_for_empty_that_holds_many_digits() -> None:
    dice = random.Random(5)
    for _ in range(20_000):
        cell = "".join(dice.choices("0123456789 @.+-/;aE,<>'\"", k=dice.randrange(16)))
        if sum(map(str.isdigit, cell)) >= 5:
            assert of_cell(cell) != [], ascii(cell)

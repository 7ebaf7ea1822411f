"""One answer by every way: file, single question and short cut agree, and a keyed hash is what it always was."""

from __future__ import annotations

import hashlib
import hmac
import random
import re
import unicodedata
from datetime import timedelta

import psycopg

from app.consent import ledger
from app.settings import CHANNELS
from app.suppress import lookup
from app.suppress.identifiers import of_cell
from app.wish import FULL_WIDTH, normalise_phone
from tests.procedure.suppress_kit import ENV, VAULT, WISHED, Book, book

__all__ = ["book"]  # a fixture


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

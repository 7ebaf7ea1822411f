"""Who may ask /api/v1: tokens from the command line, their scope, their end, their rate."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from tests.house import House
from tests.procedure.api_kit import READ, ask, asked, customer, desk_command, new_token, problem_of, token

__all__ = ["asked", "token"]  # fixtures


def test_who_has_no_good_token_learns_nothing(asked: House, token: str) -> None:
    phone, _, _ = customer(asked, "pref_stop_all")
    for given in (None, "", "desk_", "desk_" + "0" * 64, token.upper(), token[:-1], token + "0"):
        answer = ask(asked, "suppressions", given, phone=phone, channel="sms")
        assert problem_of(answer, 401, "token") == []
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="desk"')
    basic = ask(asked, "suppressions", None, headers={"Authorization": f"Basic {token}"}, phone=phone, channel="sms")
    assert problem_of(basic, 401, "token") == []
    assert ask(asked, "suppressions", None, access_token=token, phone=phone, channel="sms").status == 401


def test_a_token_of_another_scope(asked: House) -> None:
    made = desk_command(asked, "tokens", "add", "writer", "--scope", "suppressions:write")
    answer = ask(asked, "suppressions", made.stdout.strip(), phone="0123456789", channel="sms")
    assert problem_of(answer, 403, "scope") == []
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_a_token_is_shown_once_and_kept_as_a_digest(asked: House) -> None:
    made = desk_command(asked, "tokens", "add", "shown-once", *READ, "--days", "30")
    token = made.stdout.strip()
    assert re.fullmatch(r"desk_[0-9a-f]{64}", token)
    rows = asked.rows("SELECT t::text AS line, digest, expires_at - made_at AS life FROM api_tokens t")
    assert not [row for row in rows if token in row["line"] or token[5:] in row["line"]]
    listed = desk_command(asked, "tokens", "list", "--json")
    [row] = [row for row in json.loads(listed.stdout) if row["name"] == "shown-once"]
    assert (row["scopes"], row["live"], row["used_at"]) == (["suppressions:read"], True, None)
    digests = [row["digest"] for row in rows]
    assert not [text for text in (token, *digests) if text in listed.stdout]
    assert "shown-once" in desk_command(asked, "tokens", "list").stdout
    assert ask(asked, "suppressions", token, phone="0123456789", channel="sms").status == 200
    [row] = asked.rows("SELECT used_at FROM api_tokens WHERE name = 'shown-once'")
    assert row["used_at"] is not None
    assert timedelta(days=29) < max(row["life"] for row in rows if row["life"]) < timedelta(days=31)


def test_revoked_and_expired_tokens_are_refused_at_once(asked: House) -> None:
    token = desk_command(asked, "tokens", "add", "for-a-while", *READ).stdout.strip()
    assert ask(asked, "suppressions", token, phone="0123456789", channel="sms").status == 200
    assert desk_command(asked, "tokens", "revoke", "for-a-while").exit_code == 0
    assert ask(asked, "suppressions", token, phone="0123456789", channel="sms").status == 401
    assert desk_command(asked, "tokens", "revoke", "for-a-while").exit_code == 0  # once more changes nothing
    again = desk_command(asked, "tokens", "add", "for-a-while", *READ)
    assert (again.exit_code, again.stdout) == (1, "")
    old = new_token(asked, "--days", "1")
    asked.rows("UPDATE api_tokens SET expires_at = now() WHERE id = (SELECT max(id) FROM api_tokens) RETURNING 1")
    assert ask(asked, "suppressions", old, phone="0123456789", channel="sms").status == 401


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("add", "x"), 2),
        (("add", "x", "--scope", "everything"), 2),
        (("add", "X y", *READ), 1),
        (("add", "x", *READ, "--days", "0"), 2),
        (("revoke", "nobody"), 3),
    ],
)
def test_wrong_use_of_the_command(asked: House, args: tuple[str, ...], code: int) -> None:
    result = desk_command(asked, "tokens", *args)
    assert (result.exit_code, result.stdout) == (code, "")
    assert "Traceback" not in result.stderr


def test_the_rate_of_a_token_is_its_own(database: str) -> None:
    """Above API_RATE: 429 with Retry-After, for this token alone; a batch is one call."""
    with House(database, api_rate="10") as house:  # one call at once, then one in six seconds
        one, other = new_token(house), new_token(house)
        asks = {"phone": "0123456789", "channel": "sms"}
        assert ask(house, "suppressions", one, **asks).status == 200
        late = ask(house, "suppressions", one, **asks)
        assert problem_of(late, 429, "too_many") == []
        assert 1 <= int(late.headers["Retry-After"]) <= 6
        people = [{"phone": "0123456789"}] * 50
        assert ask(house, "suppressions/batch", other, {"channel": "sms", "people": people}).status == 200
        for _ in range(25):
            last = ask(house, "suppressions", "desk_" + "1" * 64, **asks)
        assert problem_of(last, 429, "too_many") == []  # somebody who tries tokens
        house.rows("UPDATE api_tokens SET busy_until = now() RETURNING 1")
        assert ask(house, "suppressions", one, **asks).status == 200  # and it does not shut out the others

"""`desk admin`: accounts from the command line. Passwords by file or prompt, each change in the audit trail."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pyotp
import pytest
from click.testing import CliRunner, Result

from app.cli import main
from tests.admin.kit import PASSWORD, Known, Person, forget_tries, trail
from tests.house import ROOT, House

PAGE = "/admin/confirm"


@pytest.fixture
def house(shared_house: House) -> House:
    forget_tries(shared_house)
    return shared_house


def desk(house: House, *words: str, code: int = 0, given: str | None = None) -> Result:
    """`desk admin …`, with `given` as its standard input."""
    result = CliRunner().invoke(main, ["admin", *words], env=dict(house.environment), input=given)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert PASSWORD not in result.output
    return result


def added(house: House, name: str, role: str = "viewer", password: str = PASSWORD) -> Known:
    made = desk(house, "add", name, "--role", role, "--password-file", "-", given=f"{password}\n")
    uri = made.stdout.strip()
    assert uri.startswith("otpauth://totp/Deletion%20Desk:"), made.stdout
    return Known(name, role, str(pyotp.parse_uri(uri).secret), password)


def test_made_here_logs_in_there(house: House) -> None:
    known = added(house, "aisyah", "operator")
    assert Person(house).login(known).status == 303
    row = trail(house, "account.added")[-1]
    assert (row["role"], row["origin"], row["target"]) == ("shell", "cli", "account:aisyah")
    assert row["after"] == {"role": "operator", "login": "password and code"}


def test_what_is_kept_is_no_secret(house: House) -> None:
    known = added(house, "kept")
    [row] = house.rows("SELECT a::text AS line, totp, password FROM accounts a WHERE name = 'kept'")
    assert known.secret not in row["line"]
    assert known.secret.encode() not in bytes(row["totp"])
    assert row["password"].startswith("$argon2id$")
    other = added(house, "thief")
    house.rows(
        "UPDATE accounts SET totp = (SELECT totp FROM accounts WHERE name = 'kept') WHERE name = 'thief' RETURNING 1"
    )
    moved = Known("thief", "viewer", known.secret)
    assert Person(house).login(moved).status == 401, "a sealed secret opens in its own row only"
    assert other.secret != known.secret


def test_a_password_comes_from_a_file_or_a_prompt(house: House, tmp_path: Path) -> None:
    desk(house, "add", "x1", "--role", "viewer", "--password", PASSWORD, code=2)
    too_many = CliRunner().invoke(main, ["admin", "add", "x1", PASSWORD, "--role", "viewer"], env=house.environment)
    assert too_many.exit_code == 2
    nobody = desk(house, "add", "x1", "--role", "viewer", code=2, given="")
    assert "--password-file -" in nobody.stderr
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\nsecond line\n", "utf-8")
    desk(house, "add", "from-file", "--role", "viewer", "--password-file", str(file))
    desk(house, "add", "x1", "--role", "viewer", "--password-file", str(tmp_path / "none"), code=2)
    file.write_bytes(b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe")
    desk(house, "add", "x1", "--role", "viewer", "--password-file", str(file), code=1)
    assert not house.rows("SELECT 1 FROM accounts WHERE name = 'x1'")


def test_asked_for_on_a_terminal_with_a_picture_for_the_telephone(house: House) -> None:
    """A real terminal: nothing of the password is echoed, and the QR code is drawn."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "admin", "add", "by-hand", "--role", "officer"],
        cwd=ROOT, env={**os.environ, **house.environment, "TERM": "xterm"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    told, ready = bytearray(), threading.Event()

    def listen() -> None:
        asked = 0
        try:
            while piece := os.read(ours, 4096):
                told.extend(piece)
                if told.count(b": ") > asked and bytes(told).rstrip(b" ").endswith(b":"):
                    asked = told.count(b": ")
                    os.write(ours, f"{PASSWORD}\n".encode())
        except OSError:  # the other end has closed
            pass
        ready.set()

    threading.Thread(target=listen, daemon=True).start()
    assert process.wait(60) == 0, told.decode("utf-8", "replace")
    ready.wait(10)
    os.close(ours)
    text = told.decode("utf-8", "replace")
    assert PASSWORD not in text
    assert "otpauth://totp/" in text
    assert text.count("█") + text.count("▀") + text.count("▄") > 100
    assert house.rows("SELECT 1 FROM accounts WHERE name = 'by-hand' AND role = 'officer'")


@pytest.mark.parametrize(
    ("words", "password", "code"),
    [
        (("add", "short", "--role", "viewer"), "eleven char", 1),
        (("add", "long", "--role", "viewer"), "p" * 1025, 1),
        (("add", "With Space", "--role", "viewer"), PASSWORD, 1),
        (("add", "", "--role", "viewer"), PASSWORD, 1),
        (("add", "x" * 61, "--role", "viewer"), PASSWORD, 1),
        (("add", "wrong-role", "--role", "admin"), PASSWORD, 2),
        (("add", "no-role"), PASSWORD, 2),
        (("password", "nobody"), PASSWORD, 3),
    ],
)
def test_what_is_refused(house: House, words: tuple[str, ...], password: str, code: int) -> None:
    before = house.rows("SELECT count(*) AS n FROM accounts")
    refused = desk(house, *words, "--password-file", "-", code=code, given=f"{password}\n")
    assert refused.stdout == ""
    if code != 2:
        assert re.fullmatch(r"desk: [^\n]+\n", refused.stderr)
    assert house.rows("SELECT count(*) AS n FROM accounts") == before


def test_a_name_is_somebodys_for_good(house: House) -> None:
    added(house, "twice")
    desk(house, "disable", "twice")
    refused = desk(house, "add", "twice", "--role", "officer", "--password-file", "-", code=1, given=f"{PASSWORD}\n")
    assert "there already" in refused.stderr


@pytest.mark.parametrize("words", [("disable", "nobody"), ("enable", "nobody"), ("role", "nobody", "viewer")])
def test_nobody_of_that_name(house: House, words: tuple[str, ...]) -> None:
    before = len(trail(house))
    assert desk(house, *words, code=3).stderr == "desk: no account of this name\n"
    assert len(trail(house)) == before


def test_disable_enable_role_and_their_rows(house: House) -> None:
    known = added(house, "chen", "viewer")
    person = Person(house)
    person.login(known)
    assert desk(house, "role", "chen", "officer").stdout == "viewer -> officer\n"
    assert "officer" in person.get(PAGE).text
    desk(house, "disable", "chen")
    assert person.get(PAGE).status == 303
    assert person.login(known).status == 401
    desk(house, "enable", "chen")
    assert person.login(known).status == 303
    rows = [row for row in trail(house) if row["target"] == "account:chen" and row["origin"] == "cli"]
    assert [(row["action"], row["before"], row["after"]) for row in rows] == [
        ("account.added", {}, {"role": "viewer", "login": "password and code"}),
        ("account.role", {"role": "viewer"}, {"role": "officer"}),
        ("account.disabled", {"disabled": False}, {"disabled": True}),
        ("account.enabled", {"disabled": True}, {"disabled": False}),
    ]


def test_another_password_and_another_telephone(house: House) -> None:
    known = added(house, "lost")
    person = Person(house)
    person.login(known)
    changed = desk(house, "password", "lost", "--password-file", "-", given="another twelve and more\n")
    assert changed.stdout == "changed\n"
    assert person.get(PAGE).status == 303
    assert person.login(known, password="another twelve and more").status == 303
    anew = desk(house, "password", "lost", "--codes", "--password-file", "-", given=f"{PASSWORD}\n").stdout
    secret = str(pyotp.parse_uri(anew.splitlines()[1]).secret)
    assert secret != known.secret
    assert person.login(known).status == 401
    assert person.login(Known("lost", "viewer", secret)).status == 303


def test_the_list(house: House) -> None:
    added(house, "listed", "operator")
    rows = json.loads(desk(house, "list", "--json").stdout)
    [row] = [row for row in rows if row["name"] == "listed"]
    assert {name: row[name] for name in ("role", "disabled", "has_totp", "local")} == {
        "role": "operator",
        "disabled": False,
        "has_totp": True,
        "local": True,
    }
    assert row.keys() == {"id", "name", "role", "disabled", "has_totp", "local"}, "no secret"
    table = desk(house, "list").stdout
    assert "listed" in table
    assert "argon2" not in table


def test_accounts_of_the_identity_provider(house: House) -> None:
    desk(house, "add", "dewi", "--role", "viewer", "--subject", "0815", code=1)
    desk(house, "add", "dewi", "--role", "viewer", "--subject", "1", "--password-file", "-", code=2, given="x\n")
    env = {**house.environment, "OIDC_ISSUER": "https://id.example.com/", "OIDC_CLIENT_ID": "desk"}
    made = CliRunner().invoke(main, ["admin", "add", "dewi", "--role", "viewer", "--subject", "0815"], env=env)
    assert (made.exit_code, made.stdout) == (0, "dewi may log in with the company's account\n")
    [row] = house.rows("SELECT subject, password, totp FROM accounts WHERE name = 'dewi'")
    assert row == {"subject": "https://id.example.com|0815", "password": "", "totp": None}
    again = CliRunner().invoke(main, ["admin", "add", "dewi2", "--role", "viewer", "--subject", "0815"], env=env)
    assert again.exit_code == 1
    desk(house, "password", "dewi", "--password-file", "-", code=1, given=f"{PASSWORD}\n")

"""People who may use the admin pages: a row each, with a password and codes of their own, or known by OpenID Connect.

A login is proven outside any transaction (`proof`: it takes a while), and taken within one (`take`), together with the
session that it opens: a code is good once, and a password that is changed in that moment is no longer good.
Source: docs/adr/0006-admin.md; bad-inputs A002, A007, A011.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

from app.admin import codes, passwords
from app.admin.roles import ROLES, allows
from app.db import Connection, Database, Row
from app.errors import DeskError
from app.logs import report
from app.vault import Vault

__all__ = ["ROLES", "Account", "Proof", "add", "allows", "every", "find", "known", "proof", "take"]

log = logging.getLogger(__name__)

NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,59}")
FIELDS = "id, name, role, disabled_at IS NOT NULL AS disabled, totp IS NOT NULL AS has_totp, subject IS NULL AS local"


@dataclass(frozen=True)
class Account:
    """A row without its secrets. `local`: logs in here, with password and code; else by OpenID Connect."""

    id: int
    name: str
    role: str
    disabled: bool
    has_totp: bool
    local: bool

    @classmethod
    def of(cls, row: Row) -> Account:
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Proof:
    """A right password and a right code; good until `take`. `kept`: the password's hash that it was right for;
    `renewed`: the same in today's parameters, or ''."""

    account: Account
    step: int
    kept: str
    renewed: str


def add(conn: Connection, vault: Vault, name: str, role: str, password: str) -> tuple[Account, str]:
    """A local account and the secret of its codes, which nobody can read again.

    Raises DeskError, reason `account_name` (not of the form, or taken), `role` or `password`.
    """
    account = _insert(conn, name, role, password=passwords.made(password))
    return account, new_codes(conn, vault, account.id)


def add_known(conn: Connection, name: str, role: str, subject: str) -> Account:
    """An account of OpenID Connect; `subject`: `issuer|sub`. Raises DeskError, as `add`, or reason `subject`."""
    if known(conn, subject) is not None:
        raise DeskError("somebody of that subject is known already", "subject")
    return _insert(conn, name, role, subject=subject)


def _insert(conn: Connection, name: str, role: str, *, password: str = "", subject: str | None = None) -> Account:
    if not NAME.fullmatch(name):
        raise DeskError("a name is 1 to 60 of a-z, 0-9, dot, dash, underscore, plus and @", "account_name")
    if role not in ROLES:
        raise DeskError(f"a role is one of {', '.join(ROLES)}", "role")
    row = conn.execute(
        "INSERT INTO accounts (name, role, password, subject) VALUES (%s, %s, %s, %s)"
        f" ON CONFLICT (name) DO NOTHING RETURNING {FIELDS}",
        (name, role, password, subject),
    ).fetchone()
    if row is None:
        raise DeskError("somebody of that name is there already: disabled ones keep theirs, too", "account_name")
    return Account.of(row)


def new_codes(conn: Connection, vault: Vault, account_id: int) -> str:
    """A new secret for the codes of this account; the old one's codes are good no longer."""
    secret = codes.secret()
    sealed = vault.seal(secret.encode(), _place(account_id))
    conn.execute("UPDATE accounts SET totp = %s, totp_step = 0 WHERE id = %s", (sealed, account_id))
    return secret


def every(conn: Connection) -> list[Account]:
    """All that were ever made, oldest first."""
    return [Account.of(row) for row in conn.execute(f"SELECT {FIELDS} FROM accounts ORDER BY id").fetchall()]


def find(conn: Connection, name: str) -> Account | None:
    """By its name; the row is the caller's until its transaction ends."""
    row = conn.execute(f"SELECT {FIELDS} FROM accounts WHERE name = %s FOR UPDATE", (named(name),)).fetchone()
    return Account.of(row) if row else None


def known(conn: Connection, subject: str) -> Account | None:
    """By its `issuer|sub`; as `find`."""
    row = conn.execute(f"SELECT {FIELDS} FROM accounts WHERE subject = %s FOR UPDATE", (subject,)).fetchone()
    return Account.of(row) if row else None


def any_local(conn: Connection) -> bool:
    """Whether anybody at all can log in with a password."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM accounts WHERE subject IS NULL AND disabled_at IS NULL) AS there"
    ).fetchone()
    return bool(row and row["there"])


def named(text: str) -> str:
    """A name as somebody types it; '' for what cannot be one."""
    name = text.strip().lower()
    return name if NAME.fullmatch(name) else ""


def set_role(conn: Connection, account_id: int, role: str) -> None:
    """From the next request on. Raises DeskError, reason `role`."""
    if role not in ROLES:
        raise DeskError(f"a role is one of {', '.join(ROLES)}", "role")
    conn.execute("UPDATE accounts SET role = %s WHERE id = %s", (role, account_id))


def set_password(conn: Connection, account_id: int, password: str) -> None:
    """Ends every session of the account. Raises DeskError, reason `password`."""
    conn.execute("UPDATE accounts SET password = %s WHERE id = %s", (passwords.made(password), account_id))
    _end_sessions(conn, account_id)


def disable(conn: Connection, account_id: int) -> None:
    """The next request of any of its sessions is refused."""
    conn.execute("UPDATE accounts SET disabled_at = coalesce(disabled_at, now()) WHERE id = %s", (account_id,))
    _end_sessions(conn, account_id)


def enable(conn: Connection, account_id: int) -> None:
    """It may log in again."""
    conn.execute("UPDATE accounts SET disabled_at = NULL WHERE id = %s", (account_id,))


def _end_sessions(conn: Connection, account_id: int) -> None:
    conn.execute("DELETE FROM sessions WHERE account_id = %s", (account_id,))


def proof(db: Database, vault: Vault, name: str, password: str, code: str, now: float) -> Proof | None:  # noqa: PLR0917 - what a login form says
    """None when anything at all is wrong: the name, the password, the code, or the account is disabled.

    The same work is done in each case. `now`: epoch seconds. Raises StoreError and BusyError.
    """
    with db.each() as conn:
        row = conn.execute(
            f"SELECT {FIELDS}, password, totp FROM accounts WHERE name = %s AND disabled_at IS NULL", (named(name),)
        ).fetchone()
    kept = str(row["password"]) if row else ""
    right = passwords.matches(kept, password)
    if row is None or not right or row["totp"] is None:
        return None
    try:
        secret = vault.open(bytes(row["totp"]), _place(row["id"])).decode()
    except DeskError as closed:  # DATA_KEY is another one, or somebody has moved a secret to this row
        report(log, "admin.no_codes", closed)
        return None
    step = codes.step_of(secret, code, now)
    if step is None:
        return None
    return Proof(Account.of(row), step, kept, passwords.renewed(kept, password))


def take(conn: Connection, proof: Proof) -> bool:
    """Use the code up, in the transaction of what it allows. False: it was used before, or the account has changed."""
    row = conn.execute(
        "UPDATE accounts SET totp_step = %(step)s, password = coalesce(nullif(%(renewed)s, ''), password)"
        " WHERE id = %(id)s AND totp_step < %(step)s AND password = %(kept)s AND disabled_at IS NULL RETURNING id",
        {"step": proof.step, "renewed": proof.renewed, "id": proof.account.id, "kept": proof.kept},
    ).fetchone()
    return row is not None


def _place(account_id: int) -> str:
    """What the sealed secret is bound to: in another account's row it does not open."""
    return f"account:{account_id}:totp"

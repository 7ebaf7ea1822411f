"""Admins: accounts, sessions, the audit trail, the switch that pauses a vendor, bulk replays."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    # Append-only, numbered without gaps, each row with a keyed hash over itself and the row before (app/audit.py).
    """
    CREATE TABLE audit (
        id      bigint PRIMARY KEY CHECK (id > 0),
        at      timestamptz NOT NULL,
        who     text NOT NULL,
        role    text NOT NULL,
        origin  text NOT NULL,
        action  text NOT NULL,
        target  text NOT NULL,
        before  jsonb NOT NULL,
        after   jsonb NOT NULL,
        reason  text NOT NULL,
        mac     bytea NOT NULL
    )
    """,
    # Each thing that the trail's page is narrowed to.
    "CREATE INDEX audit_of_target ON audit (target, id)",
    "CREATE INDEX audit_of_who ON audit (who, id)",
    "CREATE INDEX audit_of_action ON audit (action, id)",
    """
    CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit trail is append-only';
    END $$
    """,
    "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit"
    " FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()",
    "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit"
    " FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()",
    # password: argon2id, '' when this account logs in elsewhere; totp: its secret, sealed; totp_step: the last step
    # that was used, which is never taken again; subject: issuer and subject of OpenID Connect.
    """
    CREATE TABLE accounts (
        id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name        text NOT NULL UNIQUE,
        role        text NOT NULL CHECK (role IN ('viewer', 'operator', 'officer')),
        password    text NOT NULL DEFAULT '',
        totp        bytea,
        totp_step   bigint NOT NULL DEFAULT 0,
        subject     text UNIQUE,
        made_at     timestamptz NOT NULL DEFAULT now(),
        disabled_at timestamptz
    )
    """,
    # digest: of the cookie's token. fresh_at: when the person last showed who they are.
    """
    CREATE TABLE sessions (
        digest     bytea PRIMARY KEY,
        account_id bigint NOT NULL REFERENCES accounts,
        csrf       text NOT NULL,
        origin     text NOT NULL,
        made_at    timestamptz NOT NULL DEFAULT now(),
        seen_at    timestamptz NOT NULL DEFAULT now(),
        fresh_at   timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX sessions_of_account ON sessions (account_id)",
    # name: keyed hash of an account's name or of an address; failures in the window that began at `since`.
    """
    CREATE TABLE login_failures (
        name  text PRIMARY KEY,
        count int NOT NULL,
        since timestamptz NOT NULL DEFAULT now()
    )
    """,
    # vendor: zendesk, slack, mattermost, jira, or all.
    """
    CREATE TABLE pauses (
        vendor    text PRIMARY KEY,
        who       text NOT NULL,
        reason    text NOT NULL,
        paused_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    # A replay of many: which (by cause, and by the vendor that has come back), how far. Events up to last_id have had
    # their turn.
    """
    CREATE TABLE bulk_replays (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        who        text NOT NULL,
        cause      text NOT NULL,
        vendor     text NOT NULL DEFAULT '',
        until_id   bigint NOT NULL,
        total      int NOT NULL,
        queued     int NOT NULL DEFAULT 0,
        refused    int NOT NULL DEFAULT 0,
        last_id    bigint NOT NULL DEFAULT 0,
        made_at    timestamptz NOT NULL DEFAULT now(),
        ended_at   timestamptz
    )
    """,
    "CREATE UNIQUE INDEX one_bulk_replay_of_a_cause ON bulk_replays (cause) WHERE ended_at IS NULL",
    # well_at: when the vendor last answered again after its breaker had been open.
    "ALTER TABLE vendors ADD COLUMN well_at timestamptz",
    # What pages ask for: the newest events of a state or reason, whatever the size of the history.
    "CREATE INDEX events_by_state ON events (state, id)",
    # What has failed, counted by cause without looking at the rows, which are far apart in a long history.
    "CREATE INDEX events_dead_by_reason ON events (reason, id) INCLUDE (kind, received_at) WHERE state = 'dead'",
    "CREATE INDEX events_letters ON events (id) WHERE kind = 'dead'",
    # What has happened to one case, for its proof; and whether somebody has just pressed one of its buttons.
    "CREATE INDEX events_of_case ON events (case_id) WHERE case_id IS NOT NULL",
    # What is still to come of one case; at its end that is taken away.
    "CREATE INDEX timers_of_case ON timers (case_id) WHERE fired_at IS NULL",
    # The newest cases of a state, and how many there are, whatever the size of the history.
    "CREATE INDEX cases_by_state ON cases (state, id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the desk never goes back: wishes would be lost")

"""The whole procedure: consent ledger, single wishes, timers, clocks, who confirmed, what is kept, joined cases."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    """
    ALTER TABLE cases
        ADD COLUMN received_at  timestamptz,
        ADD COLUMN due_at       timestamptz,
        ADD COLUMN clock        jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN confirmation jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN kept         jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN persons      text[] NOT NULL DEFAULT '{}',
        ADD COLUMN joined_to    bigint REFERENCES cases,
        ADD COLUMN withdrawal   jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN retagged_at  timestamptz,
        ADD COLUMN evidence     jsonb NOT NULL DEFAULT '{}'
    """,
    "UPDATE cases SET received_at = opened_at",
    "ALTER TABLE cases ALTER COLUMN received_at SET DEFAULT now(), ALTER COLUMN received_at SET NOT NULL",
    # One person's other tickets; and the oldest wish that is not confirmed yet.
    "CREATE INDEX cases_persons ON cases USING gin (persons)",
    "CREATE INDEX cases_joined ON cases (joined_to) WHERE joined_to IS NOT NULL",
    "CREATE INDEX cases_unconfirmed ON cases (received_at) WHERE closed_at IS NULL",
    """
    CREATE TABLE wishes (
        case_id      bigint NOT NULL REFERENCES cases,
        wish         text NOT NULL,
        state        text NOT NULL DEFAULT 'asked'
                     CHECK (state IN ('asked', 'claimed', 'confirmed', 'contradicted', 'withdrawn')),
        source       text NOT NULL DEFAULT '',
        asked_at     timestamptz NOT NULL DEFAULT now(),
        claimed_at   timestamptz,
        confirmed_at timestamptz,
        checked_at   timestamptz,
        PRIMARY KEY (case_id, wish)
    )
    """,
    # Append-only: what was known on day X must be answerable later. `person` is a keyed hash, nothing else is personal.
    """
    CREATE TABLE consents (
        id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        person      text NOT NULL,
        kind        text NOT NULL CHECK (kind IN ('phone', 'mail')),
        purpose     text NOT NULL,
        channel     text NOT NULL,
        allowed     boolean NOT NULL,
        case_id     bigint REFERENCES cases,
        ticket_id   bigint,
        actor       text NOT NULL,
        wording     text NOT NULL,
        reason      text NOT NULL DEFAULT '',
        corrects    bigint REFERENCES consents,
        wished_at   timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    "CREATE INDEX consents_person ON consents (person, purpose, channel, id)",
    "CREATE INDEX consents_case ON consents (case_id, id)",
    """
    CREATE FUNCTION consents_are_kept() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the consent ledger is append-only'; END $$
    """,
    "CREATE TRIGGER consents_append_only BEFORE UPDATE OR DELETE ON consents"
    " FOR EACH ROW EXECUTE FUNCTION consents_are_kept()",
    "CREATE TRIGGER consents_never_emptied BEFORE TRUNCATE ON consents"
    " FOR EACH STATEMENT EXECUTE FUNCTION consents_are_kept()",
    """
    CREATE TABLE api_tokens (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name       text NOT NULL UNIQUE,
        digest     text NOT NULL UNIQUE,
        scopes     text[] NOT NULL,
        busy_until timestamptz NOT NULL DEFAULT '-infinity',
        made_at    timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz,
        revoked_at timestamptz,
        used_at    timestamptz
    )
    """,
    # What is due when. `name` says what it is, so that setting it twice is one; fired ones stay as a record.
    """
    CREATE TABLE timers (
        name     text PRIMARY KEY,
        what     text NOT NULL,
        case_id  bigint REFERENCES cases,
        due_at   timestamptz NOT NULL,
        fired_at timestamptz
    )
    """,
    "CREATE INDEX timers_due ON timers (due_at) WHERE fired_at IS NULL",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the desk never goes back: wishes would be lost")

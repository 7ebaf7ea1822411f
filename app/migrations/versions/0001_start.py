"""The desk's own tables: events, cases, effects, journal, vendors, facts about ourselves."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE cases (
        id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        ticket_id     bigint NOT NULL,
        procedure     text NOT NULL,
        generation    int NOT NULL,
        state         text NOT NULL,
        preference    text[] NOT NULL DEFAULT '{}',
        problems      text[] NOT NULL DEFAULT '{}',
        tag_audit_id  bigint,
        tagger_id     bigint,
        barred        text[] NOT NULL DEFAULT '{}',
        decision      text,
        decided_by    text,
        decided_at    timestamptz,
        decision_event bigint,
        reason        text NOT NULL DEFAULT '',
        jira_key      text,
        sealed        bytea,
        chat_channel  text,
        chat_ts       text,
        opened_at     timestamptz NOT NULL DEFAULT now(),
        changed_at    timestamptz NOT NULL DEFAULT now(),
        closed_at     timestamptz,
        UNIQUE (ticket_id, procedure, generation)
    )
    """,
    # One open case per ticket and procedure: a second one cannot even be written.
    "CREATE UNIQUE INDEX cases_open ON cases (ticket_id, procedure) WHERE closed_at IS NULL",
    "CREATE INDEX cases_jira_key ON cases (jira_key) WHERE jira_key IS NOT NULL",
    """
    CREATE TABLE events (
        id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        fact        text NOT NULL UNIQUE,
        sender      text NOT NULL,
        kind        text NOT NULL,
        ticket_id   bigint,
        case_id     bigint REFERENCES cases,
        detail      jsonb NOT NULL DEFAULT '{}',
        state       text NOT NULL CHECK (state IN
                        ('queued', 'running', 'waiting', 'held', 'done', 'ignored', 'void', 'dead')),
        reason      text NOT NULL DEFAULT '',
        walk        int NOT NULL DEFAULT 0,
        failures    int NOT NULL DEFAULT 0,
        replayed_at timestamptz,
        next_at     timestamptz,
        body        bytea,
        received_at timestamptz NOT NULL DEFAULT now(),
        changed_at  timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX events_unfinished ON events (state) WHERE state IN ('queued', 'running', 'waiting', 'held', 'dead')",
    "CREATE INDEX events_ticket ON events (ticket_id, id)",
    """
    CREATE TABLE effects (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        case_id    bigint NOT NULL REFERENCES cases,
        verb       text NOT NULL,
        arg        text NOT NULL,
        vendor     text NOT NULL,
        op_id      text NOT NULL UNIQUE,
        state      text NOT NULL CHECK (state IN ('planned', 'sending', 'unknown', 'done', 'dead', 'void')),
        epoch      int NOT NULL DEFAULT 0,
        attempts   int NOT NULL DEFAULT 0,
        reason     text NOT NULL DEFAULT '',
        evidence   jsonb NOT NULL DEFAULT '{}',
        sent_at    timestamptz,
        next_at    timestamptz,
        planned_at timestamptz NOT NULL DEFAULT now(),
        clock_at   timestamptz NOT NULL DEFAULT now(),
        changed_at timestamptz NOT NULL DEFAULT now(),
        done_at    timestamptz,
        UNIQUE (case_id, verb, arg)
    )
    """,
    "CREATE INDEX effects_unfinished ON effects (state) WHERE state IN ('planned', 'sending', 'unknown', 'dead')",
    """
    CREATE TABLE journal (
        id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at        timestamptz NOT NULL DEFAULT clock_timestamp(),
        event_id  bigint,
        case_id   bigint,
        effect_id bigint,
        what      text NOT NULL,
        reason    text NOT NULL DEFAULT '',
        detail    jsonb NOT NULL DEFAULT '{}'
    )
    """,
    "CREATE INDEX journal_case ON journal (case_id, id)",
    "CREATE INDEX journal_event ON journal (event_id, id)",
    """
    CREATE TABLE vendors (
        name       text PRIMARY KEY,
        busy_until timestamptz NOT NULL DEFAULT '-infinity',
        failures   int NOT NULL DEFAULT 0,
        open_until timestamptz,
        reason     text NOT NULL DEFAULT ''
    )
    """,
    "INSERT INTO vendors (name) VALUES ('zendesk'), ('slack'), ('jira')",
    "CREATE TABLE ourselves (name text PRIMARY KEY, value text NOT NULL)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the desk never goes back: wishes would be lost")

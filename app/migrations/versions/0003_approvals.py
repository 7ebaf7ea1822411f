"""Approvals: Mattermost, votes of the two-person rule, cover for absent approvers, questions to the agent."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    "INSERT INTO vendors (name) VALUES ('mattermost') ON CONFLICT DO NOTHING",
    # Until when places in line are given out (app/ledger/vendors.py); `slack:posts:<channel>` is a limit of its own.
    "ALTER TABLE vendors ADD COLUMN line_until timestamptz NOT NULL DEFAULT '-infinity'",
    # asked: the supervisor's open question to the agent (who, when, event). card: number of the card now in the channel
    # and what it shows (a keyed hash); an older card of the round decides nothing. jira_status: as JIRA last said.
    # moved_at: since when the case is in its state; changed_at is any change of the row. decided_as: e-mail address of
    # the Zendesk agent that decided_by is, as of that moment.
    """
    ALTER TABLE cases
        ADD COLUMN asked       jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN card        jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN jira_status text NOT NULL DEFAULT '',
        ADD COLUMN decided_as  text NOT NULL DEFAULT '',
        ADD COLUMN moved_at    timestamptz NOT NULL DEFAULT now()
    """,
    "UPDATE cases SET moved_at = changed_at",
    # One row a press; what a person says is their latest. accounts: keyed hashes of the Zendesk users that the person
    # is; seen: how many events the card showed.
    """
    CREATE TABLE votes (
        event_id   bigint PRIMARY KEY REFERENCES events,
        case_id    bigint NOT NULL REFERENCES cases,
        accounts   text[] NOT NULL,
        chat_user  text NOT NULL,
        action     text NOT NULL,
        seen       int NOT NULL,
        voted_at   timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX votes_of_case ON votes (case_id)",
    # Who stands in for an approver, from when until when (until is not included). An ended one stays as a record.
    """
    CREATE TABLE covers (
        id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        absent    text NOT NULL,
        delegate  text NOT NULL,
        agent     text NOT NULL,
        starts_at timestamptz NOT NULL,
        ends_at   timestamptz NOT NULL CHECK (ends_at > starts_at),
        made_at   timestamptz NOT NULL DEFAULT now(),
        ended_at  timestamptz
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the desk never goes back: wishes would be lost")

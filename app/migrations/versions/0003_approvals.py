"""Approvals: Mattermost, votes of the two-person rule, cover for absent approvers, questions to the agent."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    "INSERT INTO vendors (name) VALUES ('mattermost') ON CONFLICT DO NOTHING",
    # asked: the supervisor's open question to the agent (who, when, event). card: number of the card now in the channel
    # and what it shows (a keyed hash); an older card of the round decides nothing. jira_status: as JIRA last said.
    """
    ALTER TABLE cases
        ADD COLUMN asked       jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN card        jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN jira_status text NOT NULL DEFAULT ''
    """,
    # One vote a person, whatever accounts they have: `voter` is a keyed hash of the Zendesk agent's mail.
    """
    CREATE TABLE votes (
        case_id    bigint NOT NULL REFERENCES cases,
        generation int NOT NULL,
        voter      text NOT NULL,
        chat_user  text NOT NULL,
        action     text NOT NULL,
        event_id   bigint NOT NULL REFERENCES events,
        voted_at   timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (case_id, generation, voter)
    )
    """,
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

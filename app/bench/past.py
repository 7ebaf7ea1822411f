"""A made-up history for measurements: past runs with their cases, effects, journal, timers, consents and audit rows.

As a desk would have it that took in PER_DAY events every day, however long: a larger history is a longer one. The
newest cases are open; among the events are FAILED that failed of several causes and LETTERS unusable bodies, spread
over the whole time. Nobody's data: every value is a number in a pattern.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg

from app import audit
from app.vault import Vault

PER_DAY = 1000
FAILED, LETTERS, OPEN, UNFINISHED = 1000, 1000, 300, 200
ROUNDS = 50  # of the one ticket that has many
AUDITED = 10  # one row of the audit trail for so many events
RARE = "officer-rare"  # who has one row of the audit trail in RARELY
RARELY = 997
# Written by hand so that every size has the same shape: four events a case, spread over days among those of others.
AT = f"(now() - make_interval(secs => (%(total)s - {{slot}}) * {86_400 / PER_DAY}::float8))"
CASE_OF = "(((slot / 4 - (ARRAY[0, 5, 40, 250])[slot %% 4 + 1]) %% %(cases)s + %(cases)s) %% %(cases)s + 1)"
LATE = f"c > %(cases)s - {OPEN * 9 // 10} OR c %% (%(cases)s / {OPEN // 10}) = 7"  # these cases are open
OWN = "slot %% 4 = 3 AND slot / 4 %% 3 > 0"  # no case's: the desk's own update of a ticket, or a duty of its own
FAILS = f"({FAILED + LETTERS} * ({{slot}} + 1) / %(total)s)"  # how many have failed up to here
HELD = "slot IN (%(total)s / 40 * 4, %(total)s / 8 * 4)"  # a state that is rare, far back

CASES = f"""
    INSERT INTO cases (ticket_id, procedure, generation, state, preference, tagger_id, barred, decision, decided_by,
        decided_at, decision_event, reason, jira_key, sealed, chat_channel, chat_ts, opened_at, changed_at, moved_at,
        closed_at, received_at, due_at, clock, confirmation, kept, persons, card, jira_status)
    SELECT CASE WHEN c <= {ROUNDS} THEN 1000 WHEN c %% 20 = 0 THEN 1000 + c - 1 ELSE 1000 + c END,
        CASE WHEN c > {ROUNDS} AND c %% 20 = 0 THEN 'regulatory_threat' ELSE 'data_deletion' END,
        CASE WHEN c <= {ROUNDS} THEN c ELSE 1 END, state, '{{stop_all}}', 8447388000002,
        ARRAY[md5(c::text) || md5(c::text)], CASE WHEN decided THEN 'approve' END, CASE WHEN decided THEN 'U0AISYAH' END,
        CASE WHEN decided THEN at + interval '8 hours' END, CASE WHEN decided THEN c * 4 END, '',
        CASE WHEN decided THEN 'SUP-' || c END,
        CASE WHEN c > %(cases)s - 15000 THEN decode(repeat(md5(c::text), 12), 'hex') END,
        'C0SUPERVISE', '1795364363.' || c, at, at, at, CASE WHEN NOT late THEN at + interval '3 days' END, at,
        at + interval '15 days', '{{"kind": "deletion", "profile": "my"}}', '{{"by": "customer", "via": "email"}}',
        '{{"version": "1"}}', ARRAY[md5('p' || c) || md5('p' || c), md5('m' || c) || md5('m' || c)],
        '{{"number": 1, "seen": "03dc3e00aba5dbc0"}}', CASE WHEN decided THEN 'Done' ELSE '' END
    FROM (SELECT *, state IN ('done', 'banning', 'verifying', 'approved') AS decided FROM (
        SELECT c, late, CASE WHEN late AND c > {ROUNDS} THEN (ARRAY['awaiting', 'awaiting', 'banning', 'incomplete',
            'verifying', 'needs_person', 'approved', 'open', 'awaiting', 'banning'])[c %% 10 + 1]
            ELSE (ARRAY['done', 'done', 'done', 'done', 'done', 'done', 'done', 'declined', 'withdrawn', 'void'])
            [c %% 10 + 1] END AS state, {AT.format(slot="(c - 1) * 4")} AS at
        FROM (SELECT c, c > {ROUNDS} AND ({LATE}) AS late FROM generate_series(1, %(cases)s) AS c) AS every) AS named)
        AS given
"""
BOOKS = """
    INSERT INTO cases (ticket_id, procedure, generation, state, opened_at, closed_at)
    VALUES (0, 'digest', 1, 'done', now() - interval '10 years', now() - interval '10 years')
"""
EVENTS = f"""
    INSERT INTO events (fact, sender, kind, ticket_id, case_id, detail, state, reason, walk, failures, next_at, body,
        received_at, changed_at)
    SELECT kind || ':' || slot || ':2026-11-22T16:19:22Z:data_deletion_request+pref_stop_all', sender, kind,
        CASE WHEN kind <> 'dead' AND c IS NOT NULL THEN (SELECT ticket_id FROM cases WHERE id = c) END,
        CASE WHEN kind = 'dead' OR own = 1 THEN NULL WHEN own = 2 THEN (CASE WHEN slot / 12 %% 28 = 0 THEN
            %(cases)s + 1 END) ELSE c END,
        CASE kind WHEN 'ticket_tagged' THEN jsonb_build_object('tags', ARRAY['data_deletion_request', 'pref_stop_all'],
            'added', NULL, 'removed', NULL, 'actor_id', 8447388000002, 'ticket_id', 1000 + c, 'updated_at',
            '2026-11-22T16:19:22Z')
        WHEN 'button_pressed' THEN jsonb_build_object('ts', '1795364363.' || c, 'card', 'data_deletion', 'seen', '03dc',
            'team', 'T0DESK', 'user', 'U0AISYAH', 'action', 'approve', 'choice', '', 'case_id', c, 'channel',
            'C0SUPERVISE', 'generation', 1)
        WHEN 'issue_changed' THEN jsonb_build_object('key', 'SUP-' || c, 'labels', ARRAY['desk-' || md5(c::text)],
            'deleted', false)
        WHEN 'time_came' THEN jsonb_build_object('what', CASE WHEN own = 2 THEN 'sweep' ELSE 'recheck:7' END,
            'case_id', CASE WHEN own = 0 THEN c END)
        ELSE '{{"refused": "json"}}' END,
        state,
        CASE WHEN state = 'ignored' THEN 'own_update' WHEN kind = 'dead' THEN (ARRAY['json', 'utf8', 'no_ticket'])
            [slot %% 3 + 1] WHEN state = 'dead' THEN (ARRAY['channel', 'gone', 'gave_up:timeout', 'code', 'rejected',
            'wording', 'channel', 'channel'])[slot %% 8 + 1] WHEN state = 'waiting' THEN 'vendor_busy' ELSE '' END,
        CASE WHEN state IN ('ignored', 'queued') OR kind = 'dead' THEN 0 ELSE 1 END, 0,
        CASE WHEN state IN ('waiting', 'held') THEN now() + interval '1 hour' END,
        CASE WHEN kind = 'dead' THEN decode(repeat(md5(slot::text), 20), 'hex') END, at, at
    FROM (SELECT *, CASE WHEN fails %% 2 = 1 THEN 'dead' WHEN own = 1 THEN 'ticket_tagged' WHEN own = 2 THEN 'time_came'
            ELSE (ARRAY['ticket_tagged', 'button_pressed', 'issue_changed', 'time_came'])[slot %% 4 + 1] END AS kind,
            CASE WHEN fails %% 2 = 1 OR own = 1 THEN 'zendesk' WHEN own = 2 THEN 'desk'
            ELSE (ARRAY['zendesk', 'slack', 'jira', 'desk'])[slot %% 4 + 1] END AS sender,
            CASE WHEN fails IS NOT NULL THEN 'dead' WHEN own = 1 THEN 'ignored'
            WHEN slot >= %(total)s - {UNFINISHED} THEN (ARRAY['queued', 'waiting', 'waiting', 'done'])[slot %% 4 + 1]
            WHEN {HELD} THEN 'held' WHEN slot %% 1999 = 0 THEN 'void'
            ELSE 'done' END AS state
        FROM (SELECT slot, {AT.format(slot="slot")} AS at, CASE WHEN {OWN} THEN slot / 4 %% 3 ELSE 0 END AS own,
            CASE WHEN {OWN} AND slot / 4 %% 3 = 2 THEN NULL ELSE {CASE_OF} END AS c,
            CASE WHEN {FAILS.format(slot="slot")} > {FAILS.format(slot="(slot - 1)")} AND NOT {HELD}
            THEN {FAILS.format(slot="slot")} END AS fails
            FROM generate_series(0, %(total)s::bigint - 1) AS slot) AS placed) AS named
"""
EFFECTS = """
    INSERT INTO effects (case_id, verb, arg, vendor, op_id, state, epoch, attempts, reason, evidence, sent_at, planned_at,
        clock_at, changed_at, done_at)
    SELECT c.id, verb, arg, vendor, md5('effect' || c.id || verb || arg), CASE WHEN dead THEN 'dead' ELSE 'done' END, 1,
        1, CASE WHEN dead THEN f.reason ELSE '' END, jsonb_build_object('audit_id', 206091000000 + c.id, 'stamp',
        '2026-11-22T16:19:23Z'), at, at, at, at, CASE WHEN NOT dead THEN at END
    FROM (SELECT id, opened_at FROM cases WHERE ticket_id > 0 ORDER BY id) AS c
    CROSS JOIN (VALUES (0, 'apply_macro', 'Data Deletion Request', 'zendesk'), (1, 'ask_supervisor', 'data_deletion',
        'slack'), (2, 'mark', '1-waiting', 'zendesk'), (3, 'note', '1-fee6fc80a16056e8', 'zendesk'), (4, 'open_jira',
        'ban_from_all_offers', 'jira'), (5, 'link_jira', 'SUP', 'jira'), (6, 'update_card', 'done:da52ee3caeca', 'slack'),
        (7, 'note', '2-87b0a4bda6eed69b', 'zendesk')) AS v (place, verb, arg, vendor)
    LEFT JOIN (SELECT case_id, min(reason) AS reason FROM events WHERE state = 'dead' AND kind <> 'dead'
        GROUP BY case_id) AS f ON f.case_id = c.id
    CROSS JOIN LATERAL (SELECT f.case_id IS NOT NULL AND place = 6 AS dead, opened_at + place * interval '1 hour' AS at)
        AS given
"""
MESSAGES = """
    INSERT INTO effects (case_id, verb, arg, vendor, op_id, state, epoch, attempts, evidence, sent_at, done_at)
    SELECT case_id, 'alert', id::text, 'slack', md5('own' || id), 'done', 1, 1, '{"ts": "1795364363.7"}', received_at,
        received_at FROM events WHERE case_id = %(cases)s + 1 ORDER BY id
"""
JOURNAL = """
    INSERT INTO journal (at, event_id, case_id, effect_id, what, detail)
    SELECT e.received_at + line * interval '50 milliseconds', CASE WHEN line IN (1, 4, 5) THEN e.id END, e.case_id,
        CASE WHEN line = 5 OR e.case_id IS NULL THEN NULL WHEN e.case_id > %(cases)s THEN (SELECT f.id FROM effects f
            WHERE f.op_id = md5('own' || e.id)) ELSE (e.case_id - 1) * 8 + (e.id - 1) %% 4 * 2 + line / 3 + 1 END,
        CASE WHEN line = 5 THEN 'event_' || e.state ELSE (ARRAY['planned', 'sending', 'done'])[line %% 3 + 1] END,
        CASE WHEN line IN (1, 4) THEN '{"attempt": 1}'::jsonb ELSE '{}' END
    FROM (SELECT id, case_id, state, received_at FROM events WHERE walk > 0 ORDER BY id) AS e
    CROSS JOIN LATERAL generate_series(CASE WHEN e.case_id IS NULL THEN 5 ELSE 0 END, 5) AS line
"""
TIMERS = """
    INSERT INTO timers (name, what, case_id, due_at, fired_at)
    SELECT 'case:' || id || ':' || what, what, id, opened_at + days, CASE WHEN opened_at + days <= now()
        THEN opened_at + days END
    FROM cases CROSS JOIN (VALUES ('reminder:50', interval '7 days'), ('reminder:80', interval '12 days'),
        ('recheck:7', interval '10 days'), ('recheck:30', interval '33 days')) AS v (what, days)
    WHERE ticket_id > 0 AND (closed_at IS NULL OR opened_at + days <= now() OR starts_with(what, 'recheck'))
"""
DUTIES = """
    INSERT INTO timers (name, what, due_at) SELECT name, what, now() + interval '1 hour'
    FROM (VALUES ('desk:sweep', 'sweep'), ('desk:digest', 'digest'), ('desk:forget', 'forget')) AS v (name, what)
"""
CONSENTS = """
    INSERT INTO consents (person, kind, purpose, channel, allowed, case_id, ticket_id, actor, wording, reason, wished_at,
        recorded_at)
    SELECT md5(kind || id) || md5(kind || id), kind, 'offers', channel, false, id, ticket_id, '8447388000002',
        'en:ffdec153084f', 'asked', opened_at, opened_at
    FROM cases CROSS JOIN (VALUES ('phone'), ('mail')) AS k (kind) CROSS JOIN (VALUES ('any'), ('sms')) AS h (channel)
    WHERE ticket_id > 0
"""
WISHES = """
    INSERT INTO wishes (case_id, wish, state, source, asked_at, claimed_at, confirmed_at)
    SELECT id, wish, CASE WHEN closed_at IS NULL THEN 'asked' ELSE 'confirmed' END, 'jira', opened_at, closed_at,
        closed_at FROM cases CROSS JOIN (VALUES ('offers'), ('sms')) AS v (wish) WHERE ticket_id > 0
"""
VOTES = """
    INSERT INTO votes (event_id, case_id, accounts, chat_user, action, seen, voted_at)
    SELECT id, case_id, '{}', 'U0AISYAH', 'approve', 1, received_at FROM events
    WHERE kind = 'button_pressed' AND state = 'done' AND case_id %% 20 = 3
"""
BULKS = """
    INSERT INTO bulk_replays (who, cause, until_id, total, queued, made_at, ended_at)
    SELECT 'officer', 'channel', 1, 100, 100, at, at FROM generate_series(now() - interval '30 days', now(),
        interval '1 day') AS at
"""
FILL = (CASES, BOOKS, EVENTS, EFFECTS, MESSAGES, JOURNAL, TIMERS, DUTIES, CONSENTS, WISHES, VOTES, BULKS)
INDEXES = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(%s)"
    " AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexname::regclass)"
)
TABLES = ["cases", "events", "effects", "journal", "timers", "consents", "wishes", "votes", "bulk_replays", "audit"]


def fill(uri: str, vault: Vault, past: int) -> None:
    """Into a new, migrated database: `past` finished runs, and beside them what is open, unfinished and dead.

    Afterwards every table is as autovacuum would have left it.
    """
    total = past + FAILED + LETTERS + UNFINISHED
    values = {"total": total, "cases": total // 4}
    with psycopg.connect(uri, autocommit=True) as conn:
        conn.execute("SET maintenance_work_mem = '256MB'")
        conn.execute("SET session_replication_role = replica")  # no look at a foreign key for each row
        later = conn.execute(INDEXES, (TABLES,)).fetchall()
        for name, _ in later:
            conn.execute(f'DROP INDEX "{name}"')
        for statement in FILL:
            conn.execute(statement, values)
        _audit(conn, vault, total)
        for _, made in later:
            conn.execute(made)
        conn.execute("VACUUM ANALYZE")
        conn.execute("CHECKPOINT")


def _audit(conn: psycopg.Connection, vault: Vault, total: int) -> None:
    with conn.cursor().copy(f"COPY audit ({audit.FIELDS}) FROM STDIN") as copy:
        for row in _trail(vault, total // AUDITED, timedelta(days=AUDITED / PER_DAY)):
            copy.write_row(row)


def _trail(vault: Vault, rows: int, step: timedelta) -> Iterator[tuple[object, ...]]:
    """A chain that verifies."""
    mac, now = audit.START, datetime.now(UTC)
    for number in range(1, rows + 1):
        rare = number % RARELY == 0
        row = {
            "id": number,
            "at": now - (rows - number) * step,
            "who": RARE if rare else ("aminah", "bala", "chong")[number % 3],
            "role": "officer" if rare else "operator",
            "origin": "192.0.2.7",
            "action": "letter.unmasked" if rare else ("event.replayed", "login", "event.settled")[number % 3],
            "target": f"event:{number * AUDITED}",
            "before": {"state": "dead"},
            "after": {"state": "queued"},
            "reason": "seen to by telephone",
        }
        mac = audit.chained(vault, mac, row)
        yield (*({**row, "before": json.dumps(row["before"]), "after": json.dumps(row["after"])}).values(), mac)

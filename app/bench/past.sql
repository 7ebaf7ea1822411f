-- A made-up history, statement by statement (app/bench/past.py). Everything follows from a number: `c` of a case, `slot`
-- of an event. Four events a case, in the order of time spread over days among those of other cases.

-- Cases: the newest are open, and some that are old; the first (`rounds`) are of one ticket.
INSERT INTO cases (ticket_id, procedure, generation, state, preference, tagger_id, barred, decision, decided_by,
    decided_at, decision_event, jira_key, sealed, chat_channel, chat_ts, opened_at, changed_at, moved_at, closed_at,
    received_at, due_at, clock, confirmation, kept, persons, card, jira_status)
SELECT CASE WHEN c <= %(rounds)s THEN 1000 WHEN c %% 20 = 0 THEN 1000 + c - 1 ELSE 1000 + c END,
    CASE WHEN c > %(rounds)s AND c %% 20 = 0 THEN 'regulatory_threat' ELSE 'data_deletion' END,
    CASE WHEN c <= %(rounds)s THEN c ELSE 1 END, state, '{stop_all}', 8447388000002,
    ARRAY[md5(c::text) || md5(c::text)], CASE WHEN decided THEN 'approve' END,
    CASE WHEN decided THEN 'U0AISYAH' END, CASE WHEN decided THEN at + interval '8 hours' END,
    CASE WHEN decided THEN c * 4 END, CASE WHEN decided THEN 'SUP-' || c END,
    CASE WHEN c > %(cases)s - 15000 THEN decode(repeat(md5(c::text), 12), 'hex') END,
    'C0SUPERVISE', '1795364363.' || c, at, at, at, CASE WHEN NOT late THEN at + interval '3 days' END, at,
    at + interval '15 days', '{"kind": "deletion", "profile": "my"}', '{"by": "customer", "via": "email"}',
    '{"version": "1"}', ARRAY[md5('p' || c) || md5('p' || c), md5('m' || c) || md5('m' || c)],
    '{"number": 1, "seen": "03dc3e00aba5dbc0"}', CASE WHEN decided THEN 'Done' ELSE '' END
FROM (SELECT *, state IN ('done', 'banning', 'verifying', 'approved') AS decided FROM (SELECT *,
    CASE WHEN late THEN (ARRAY['awaiting', 'awaiting', 'banning', 'incomplete', 'verifying', 'needs_person', 'approved',
        'open', 'awaiting', 'banning'])[c %% 10 + 1]
    ELSE (ARRAY['done', 'done', 'done', 'done', 'done', 'done', 'done', 'declined', 'withdrawn', 'void'])[c %% 10 + 1]
    END AS state
    FROM (SELECT c, now() - make_interval(secs => (%(total)s - (c - 1) * 4) * %(seconds)s::float8) AS at,
        c > %(rounds)s AND (c > %(cases)s - %(open)s * 9 / 10 OR c %% (%(cases)s / (%(open)s / 10)) = 7) AS late
        FROM generate_series(1, %(cases)s) AS c) AS numbered) AS named) AS given;

-- The desk's books: one case of all its own messages.
INSERT INTO cases (ticket_id, procedure, generation, state, opened_at, closed_at)
VALUES (0, 'digest', 1, 'done', now() - interval '10 years', now() - interval '10 years');

-- Events. `own`: 1 the desk's own update of a ticket, 2 a duty of its own, of no case but now and then its books';
-- `fails`: the how-many-th of those that have failed, by turns unusable bodies and runs.
INSERT INTO events (fact, sender, kind, ticket_id, case_id, detail, state, reason, walk, next_at, body, received_at,
    changed_at)
SELECT kind || ':' || slot || ':2026-11-22T16:19:22Z:data_deletion_request+pref_stop_all',
    CASE WHEN kind = 'dead' THEN 'zendesk' WHEN own = 0 THEN (ARRAY['zendesk', 'slack', 'jira', 'desk'])[slot %% 4 + 1]
        WHEN own = 1 THEN 'zendesk' ELSE 'desk' END,
    kind, CASE WHEN kind <> 'dead' AND own < 2 THEN (SELECT ticket_id FROM cases WHERE id = c) END,
    CASE WHEN kind = 'dead' OR own = 1 THEN NULL WHEN own = 0 THEN c WHEN slot / 12 %% 28 = 0 THEN %(cases)s + 1 END,
    CASE kind WHEN 'ticket_tagged' THEN jsonb_build_object('tags', ARRAY['data_deletion_request', 'pref_stop_all'],
        'added', NULL, 'removed', NULL, 'actor_id', 8447388000002, 'ticket_id', 1000 + c,
        'updated_at', '2026-11-22T16:19:22Z')
    WHEN 'button_pressed' THEN jsonb_build_object('ts', '1795364363.' || c, 'card', 'data_deletion', 'seen', '03dc',
        'team', 'T0DESK', 'user', 'U0AISYAH', 'action', 'approve', 'choice', '', 'case_id', c,
        'channel', 'C0SUPERVISE', 'generation', 1)
    WHEN 'issue_changed' THEN jsonb_build_object('key', 'SUP-' || c, 'labels', ARRAY['desk-' || md5(c::text)],
        'deleted', false)
    WHEN 'time_came' THEN jsonb_build_object('what', CASE own WHEN 0 THEN 'recheck:7' ELSE 'alert:channel' END,
        'case_id', CASE own WHEN 0 THEN c END)
    ELSE '{"refused": "json"}' END,
    state, CASE WHEN state = 'ignored' THEN 'own_update'
    WHEN kind = 'dead' THEN (ARRAY['json', 'utf8', 'no_ticket'])[slot %% 3 + 1]
    WHEN state = 'dead' THEN (ARRAY['channel', 'gone', 'gave_up:timeout', 'code', 'rejected', 'wording', 'channel',
        'channel'])[slot %% 8 + 1] WHEN state = 'waiting' THEN 'vendor_busy' ELSE '' END,
    CASE WHEN state IN ('ignored', 'queued') OR kind = 'dead' THEN 0 ELSE 1 END,
    CASE WHEN state IN ('waiting', 'held') THEN now() + interval '1 hour' END,
    CASE WHEN kind = 'dead' THEN decode(repeat(md5(slot::text), 20), 'hex') END, at, at
FROM (SELECT *, CASE WHEN fails %% 2 = 1 THEN 'dead'
    WHEN own > 0 THEN (ARRAY['ticket_tagged', 'time_came'])[own]
    ELSE (ARRAY['ticket_tagged', 'button_pressed', 'issue_changed', 'time_came'])[slot %% 4 + 1] END AS kind,
    CASE WHEN fails > 0 THEN 'dead' WHEN held THEN 'held' WHEN own = 1 THEN 'ignored'
    WHEN slot >= %(total)s - %(unfinished)s THEN (ARRAY['queued', 'waiting', 'waiting', 'done'])[slot %% 4 + 1]
    WHEN slot %% 1999 = 0 THEN 'void' ELSE 'done' END AS state
    FROM (SELECT *, CASE WHEN NOT held AND %(failed)s * (slot + 1) / %(total)s > %(failed)s * slot / %(total)s
        THEN %(failed)s * (slot + 1) / %(total)s END AS fails
        FROM (SELECT slot, now() - make_interval(secs => (%(total)s - slot) * %(seconds)s::float8) AS at,
            CASE WHEN slot %% 4 = 3 THEN slot / 4 %% 3 ELSE 0 END AS own,
            slot IN (%(total)s / 40 * 4, %(total)s / 8 * 4) AS held,
            ((slot / 4 - (ARRAY[0, 5, 40, 250])[slot %% 4 + 1]) %% %(cases)s + %(cases)s) %% %(cases)s + 1 AS c
            FROM generate_series(0, %(total)s::bigint - 1) AS slot) AS placed) AS counted) AS named;

-- Effects: eight a case; one of them is dead where a run of the case has failed.
INSERT INTO effects (case_id, verb, arg, vendor, op_id, state, epoch, attempts, reason, evidence, sent_at, planned_at,
    clock_at, changed_at, done_at)
SELECT c.id, verb, arg, vendor, md5('effect' || c.id || verb || arg), CASE WHEN dead THEN 'dead' ELSE 'done' END, 1, 1,
    CASE WHEN dead THEN f.reason ELSE '' END,
    jsonb_build_object('audit_id', 206091000000 + c.id, 'stamp', '2026-11-22T16:19:23Z'), at, at, at, at,
    CASE WHEN NOT dead THEN at END
FROM (SELECT id, opened_at FROM cases WHERE ticket_id > 0 ORDER BY id) AS c
CROSS JOIN (VALUES (0, 'apply_macro', 'Data Deletion Request', 'zendesk'),
    (1, 'ask_supervisor', 'data_deletion', 'slack'), (2, 'mark', '1-waiting', 'zendesk'),
    (3, 'note', '1-fee6fc80a16056e8', 'zendesk'), (4, 'open_jira', 'ban_from_all_offers', 'jira'),
    (5, 'link_jira', 'SUP', 'jira'), (6, 'update_card', 'done:da52ee3caeca', 'slack'),
    (7, 'note', '2-87b0a4bda6eed69b', 'zendesk')) AS v (place, verb, arg, vendor)
LEFT JOIN (SELECT case_id, min(reason) AS reason FROM events WHERE state = 'dead' AND kind <> 'dead' GROUP BY case_id)
    AS f ON f.case_id = c.id
CROSS JOIN LATERAL (SELECT f.case_id IS NOT NULL AND place = 6 AS dead, opened_at + place * interval '1 hour' AS at)
    AS given;

INSERT INTO effects (case_id, verb, arg, vendor, op_id, state, epoch, attempts, evidence, sent_at, done_at)
SELECT case_id, 'alert', id::text, 'slack', md5('own' || id), 'done', 1, 1, '{"ts": "1795364363.7"}', received_at,
    received_at FROM events WHERE case_id = %(cases)s + 1 ORDER BY id;

-- The journal: two effects a run, and how it ended.
INSERT INTO journal (at, event_id, case_id, effect_id, what, detail)
SELECT e.received_at + line * interval '50 milliseconds', CASE WHEN line IN (1, 4, 5) THEN e.id END, e.case_id,
    CASE WHEN line = 5 THEN NULL WHEN e.case_id <= %(cases)s
        THEN (e.case_id - 1) * 8 + (e.id - 1) %% 4 * 2 + line / 3 + 1
        ELSE (SELECT f.id FROM effects f WHERE f.op_id = md5('own' || e.id)) END,
    CASE WHEN line = 5 THEN 'event_' || e.state ELSE (ARRAY['planned', 'sending', 'done'])[line %% 3 + 1] END,
    CASE WHEN line IN (1, 4) THEN '{"attempt": 1}'::jsonb ELSE '{}' END
FROM (SELECT id, case_id, state, received_at FROM events WHERE walk > 0 ORDER BY id) AS e
CROSS JOIN LATERAL generate_series(CASE WHEN e.case_id IS NULL THEN 5 ELSE 0 END, 5) AS line;

-- Timers: those that have fired stay; of closed cases only the later looks at the ban are still to come.
INSERT INTO timers (name, what, case_id, due_at, fired_at)
SELECT 'case:' || id || ':' || what, what, id, opened_at + days,
    CASE WHEN opened_at + days <= now() THEN opened_at + days END
FROM cases CROSS JOIN (VALUES ('reminder:50', interval '7 days'), ('reminder:80', interval '12 days'),
    ('recheck:7', interval '10 days'), ('recheck:30', interval '33 days')) AS v (what, days)
WHERE ticket_id > 0 AND (closed_at IS NULL OR opened_at + days <= now() OR starts_with(what, 'recheck'));

INSERT INTO timers (name, what, due_at)
SELECT 'desk:' || what, what, now() + interval '1 hour' FROM (VALUES ('sweep'), ('digest'), ('forget')) AS v (what);

INSERT INTO consents (person, kind, purpose, channel, allowed, case_id, ticket_id, actor, wording, reason, wished_at,
    recorded_at)
SELECT md5(kind || id) || md5(kind || id), kind, 'offers', channel, false, id, ticket_id, '8447388000002',
    'en:ffdec153084f', 'asked', opened_at, opened_at
FROM cases CROSS JOIN (VALUES ('phone'), ('mail')) AS k (kind) CROSS JOIN (VALUES ('any'), ('sms')) AS h (channel)
WHERE ticket_id > 0;

INSERT INTO wishes (case_id, wish, state, source, asked_at, claimed_at, confirmed_at)
SELECT id, wish, CASE WHEN closed_at IS NULL THEN 'asked' ELSE 'confirmed' END, 'jira', opened_at, closed_at, closed_at
FROM cases CROSS JOIN (VALUES ('offers'), ('sms')) AS v (wish) WHERE ticket_id > 0;

INSERT INTO votes (event_id, case_id, accounts, chat_user, action, seen, voted_at)
SELECT id, case_id, '{}', 'U0AISYAH', 'approve', 1, received_at FROM events
WHERE kind = 'button_pressed' AND state = 'done' AND case_id %% 20 = 3;

INSERT INTO bulk_replays (who, cause, until_id, total, queued, made_at, ended_at)
SELECT 'officer', 'channel', 1, 100, 100, at, at
FROM generate_series(now() - interval '30 days', now(), interval '1 day') AS at;

"""What supervisors made of the threats that were raised: precision and recall by language and month.

Found and taken care of: right; found and pressed away as a false alarm: wrong; only an agent's tag, no words found, and
taken care of: missed. A tag that was a false alarm is the agent's slip and counts for nothing here.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from app.db import Connection

RIGHT, WRONG = "acknowledge", "false_alarm"


def figures(conn: Connection, zone: str) -> list[dict[str, Any]]:
    """One row per month (of the decision, in this zone) and language, and one `all` per month; newest month first.

    `precision` and `recall` are None where there is nothing to divide by. Cases from before the language was kept: `-`.
    """
    rows = conn.execute(
        "SELECT to_char(decided_at AT TIME ZONE %s, 'YYYY-MM') AS month,"
        " coalesce(evidence->>'language', '-') AS language, decision,"
        " jsonb_array_length(coalesce(evidence->'rules', '[]'::jsonb)) > 0 AS found, count(*) AS cases"
        " FROM cases WHERE procedure = 'regulatory_threat' AND decision IN (%s, %s) AND decided_at IS NOT NULL"
        " GROUP BY 1, 2, 3, 4",
        (zone, RIGHT, WRONG),
    ).fetchall()
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: {"right": 0, "false_alarms": 0, "missed": 0})
    for row in rows:
        name = _name(str(row["decision"]), bool(row["found"]))
        for language in (str(row["language"]), "all") if name else ():
            counts[str(row["month"]), language][name] += int(row["cases"])
    order = sorted(counts, key=lambda key: (key[1] != "all", key[1]))
    order.sort(key=lambda key: key[0], reverse=True)
    return [{"month": month, "language": language, **_of(counts[month, language])} for month, language in order]


def _name(decision: str, found: bool) -> str:
    if found:
        return "right" if decision == RIGHT else "false_alarms"
    return "missed" if decision == RIGHT else ""


def _of(count: dict[str, int]) -> dict[str, Any]:
    right, said, all_ = count["right"], count["right"] + count["false_alarms"], count["right"] + count["missed"]
    precision, recall = (round(right / whole, 3) if whole else None for whole in (said, all_))
    return {**count, "precision": precision, "recall": recall}

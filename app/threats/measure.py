"""How good the answers are: precision, recall and F1, on messages that the model has not seen."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from app.threats.messages import Row


def figures(pairs: Iterable[tuple[bool, bool]]) -> tuple[float, float, float]:
    """Precision, recall and F1 of (is one, was said to be one)."""
    count = Counter(pairs)
    right, said, all_ = (
        count[True, True],
        count[True, True] + count[False, True],
        count[True, True] + count[True, False],
    )
    precision, recall = right / said if said else 0.0, right / all_ if all_ else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0


def show(title: str, answers: Sequence[tuple[Row, bool]]) -> None:
    """Print the figures of (message, was said to be a threat), of all and by language."""
    groups: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for row, said in answers:
        for name in ("all", row.lang, "hard negatives" if not row.label and "easy" not in row.note else ""):
            groups[name].append((row.label, said))
    lines = [title]
    for name in sorted(filter(None, groups)):
        precision, recall, f1 = figures(groups[name])
        alarms = sum(said for label, said in groups[name] if not label)
        parts = f"precision {precision:.3f} recall {recall:.3f} F1 {f1:.3f} false alarms {alarms}"
        lines.append(f"  {name:15} n={len(groups[name]):4} {parts}")
    print("\n".join(lines))  # noqa: T201 - a command line

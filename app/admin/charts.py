"""Charts as SVG pictures, drawn on the server by pygal: no script in them, nothing fetched from anywhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from flask import Response

from app.admin.counts import CAP, Hour
from app.admin.words import Words
from app.db import Row

# A picture's own style sheet is within it. It may do nothing else, shown as a picture or by itself.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
COLOURS = ("#1b6e3c", "#8a5a00", "#b3261e")  # each readable on white; the legend and the table say the same in words
BARS = 10


def throughput(hours: Sequence[Hour], zone: tzinfo) -> Response:
    """Events that came in, an hour a bar, by what has become of them."""
    chart = _chart("StackedBar", height=260, x_label_rotation=0, show_minor_x_labels=False)
    chart.x_labels = [hour.at.astimezone(zone).strftime("%H:%M") for hour in hours]
    chart.x_labels_major = chart.x_labels[:: max(1, len(hours) // 6)]
    chart.y_labels = _ticks(max(hour.total for hour in hours))
    chart.add("finished", [hour.finished for hour in hours])
    chart.add("not finished", [hour.unfinished for hour in hours])
    chart.add("failed", [hour.failed for hour in hours])
    return _svg(chart)


def causes(rows: Sequence[Row], words: Words) -> Response:
    """The most frequent causes of failures, a bar each."""
    chart = _chart("HorizontalBar", height=80 + 28 * min(len(rows), BARS), show_legend=False)
    shown = list(reversed(rows[:BARS]))
    counts = [min(row["runs"] + row["letters"], CAP) for row in shown]
    chart.x_labels = [_short(words.cause(row["cause"])) for row in shown]
    chart.y_labels = _ticks(max(counts, default=0))
    chart.add("failed", [{"value": count, "color": COLOURS[2]} for count in counts])
    return _svg(chart)


def _ticks(most: int) -> list[int]:
    """Whole numbers from 0 to the longest bar's end, about five of them."""
    step = max(1, -(-most // 5))
    return list(range(0, most + step, step))


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39].rstrip() + "…"


def _chart(kind: str, **options: Any) -> Any:
    """Text sizes are for a picture that is as wide as its column."""
    pygal = _pygal()
    from pygal.style import Style

    style = Style(
        background="white",
        plot_background="white",
        foreground="#212529",
        foreground_strong="#212529",
        foreground_subtle="#6c757d",
        colors=COLOURS,
        opacity="1",
        opacity_hover="1",
        transition="none",
        guide_stroke_color="#dee2e6",
        major_guide_stroke_color="#c3c9d0",
        font_family="system-ui, sans-serif",
        label_font_size=12,
        major_label_font_size=12,
        legend_font_size=13,
        no_data_font_size=16,
    )
    usual = {
        "js": [],
        "style": style,
        "width": 800,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": 3,
        "no_data_text": "nothing yet",
        "truncate_label": -1,
        "pretty_print": False,
        "disable_xml_declaration": True,
        "print_values": False,
    }
    return getattr(pygal, kind)(**{**usual, **options})


def _pygal() -> Any:
    """Loaded when the first chart is drawn. It leaves an import hook behind, for maps that we do not have."""
    import pygal

    sys.meta_path[:] = [hook for hook in sys.meta_path if type(hook).__module__ != "pygal"]
    return pygal


def _svg(chart: Any) -> Response:
    """The drawing without its scripts: they are for pages that let one point at a bar."""
    from pygal.etree import etree

    root = chart.render_tree()
    for parent in list(root.iter()):
        for child in list(parent):
            if str(child.tag).rpartition("}")[2] == "script":
                parent.remove(child)
    answer = Response(etree.tostring(root, encoding="unicode"), mimetype="image/svg+xml")
    answer.headers["Content-Security-Policy"] = POLICY
    return answer

"""The ready dashboard (docs/dashboard.json) asks for metrics that there are."""

from __future__ import annotations

import json
import re
import urllib.request

from tests.house import ROOT, House
from tests.kit import press_body


def test_every_metric_of_the_dashboard_is_there(house: House) -> None:
    press_body(house, house.to_awaiting(), "approve")
    house.settle()
    with urllib.request.urlopen(f"{house.url}/metrics") as answer:
        there = set(re.findall(r"^# TYPE (\S+)", answer.read().decode(), re.M))
    board = json.loads((ROOT / "docs" / "dashboard.json").read_text())
    asked = {
        name.removesuffix("_bucket")
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"desk_[a-z_]+", target["expr"])
    }
    assert len(asked) > 9
    assert asked <= there | {f"{name}_total" for name in there}, asked - there

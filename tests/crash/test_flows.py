"""Each flow of the whole procedure while the worker dies (kill -9) at every place of its effects and its own writes:
everything is there exactly once, and consents and wishes agree (issue 3, "Must be shown"; faults.md F20, T20).

All of it is `make test-crash`; what the default run kills is in test_points.py. At every place of what a flow is there
for; then at every place of all that it passes: at first tries, at tries after a failure, and while dead effects are
replayed.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.crashkit import Crashing, an_admin, each_effect_once, failing, nothing_open, once_in_the_books
from tests.crash.flowkit import Act
from tests.crash.flows import SCENES


def play(house: Crashing, act: Act, tickets: list[int], *, whole: bool = False, overtaken: bool = False) -> None:
    """The act, with deaths at all its places; each has come."""
    points, deaths = act.points(whole=whole), house.exit_codes("worker").count(137)
    house.arm(*points)
    act.play(house, tickets)
    house.settle(60)
    assert sorted(house.fired()) == sorted(points), set(points) - set(house.fired())
    assert house.exit_codes("worker").count(137) - deaths == len(points)
    for ticket in tickets:
        assert repeated(house.notes(ticket)) == []
    each_effect_once(house)
    once_in_the_books(house)
    nothing_open(house, overtaken=overtaken)


def repeated(notes: list[str]) -> list[str]:
    """Notes that say again what the one before them said of the same case; a case may well come round again."""
    last: dict[str, str] = {}
    again = []
    for note in notes:
        about = note.partition(":")[0]
        again += [note] if last.get(about) == note else []
        last[about] = note
    return again


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SCENES)
def test_every_point_of_a_flow(database: str, tmp_path: Path, name: str) -> None:
    scene = SCENES[name]
    with scene.house(database, tmp_path) as house:
        tickets = scene.begin(house)
        for act in scene.acts:
            play(house, act, tickets)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("when", ["try", "retry", "replay"])
@pytest.mark.parametrize("name", SCENES)
def test_every_point_that_a_flow_passes(database: str, tmp_path: Path, name: str, when: str) -> None:
    """In retry and replay the first write of each kind fails in every act."""
    scene = SCENES[name]
    with scene.house(database, tmp_path) as house:
        tickets = scene.begin(house)
        with an_admin(house):
            house.attended = True
            for act in scene.acts:
                failing(house, when)
                play(house, act, tickets, whole=True, overtaken=when == "replay")
                house.sandbox.world.faults.clear()


BLIND = {
    "completion": {0: "comment_jira", 1: "apply_macro"},
    "part_before": {0: "ask_supervisor"},
    "part_after": {0: "comment_jira"},
    "threat": {0: "ask_supervisor"},
    "clock": {0: "remind", 2: "digest"},
}


def duplicates(house: Crashing) -> int:
    """Comments, messages and issues that one effect has made beyond its first."""
    made = (e for e in house.sandbox.world.effects() if e["op"] and e["kind"] in ("comment", "post", "create"))
    return sum(number - 1 for number in Counter(e["op"] for e in made).values())


@pytest.mark.long
@pytest.mark.parametrize("name", BLIND)
def test_a_desk_that_looks_nothing_up_is_found_out(database: str, tmp_path: Path, name: str) -> None:
    """These tests can fail: what may have been sent is sent again, and each of it shows."""
    scene = SCENES[name]
    with scene.house(database, tmp_path, blind=True) as house:
        tickets = scene.begin(house)
        for place, verb in BLIND[name].items():
            before = duplicates(house)
            house.arm(f"effect.after_call/{verb}")
            with contextlib.suppress(AssertionError):  # most acts count for themselves
                scene.acts[place].play(house, tickets)
            house.settle(60)
            assert house.fired() == [f"effect.after_call/{verb}"]
            assert duplicates(house) > before  # one, and what else was on its way when the process died
        with pytest.raises(AssertionError):
            each_effect_once(house)

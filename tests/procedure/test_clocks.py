"""Due dates over holidays and weekends, by profile and state; tables that are broken or old (features 3.1, 3.5)."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from app import check, clocks
from app.check import Finding
from app.cli import main
from app.clocks import profiles, terms
from app.errors import ConfigError
from app.settings import Settings, load
from tests.house import ROOT

EXAMPLE = ROOT / ".env.example"


def due(
    profile: str, kind: str, received: str, *, state: str = "", zone: str = "Asia/Kuala_Lumpur", more: int = 0
) -> str:
    """The due date of a wish received at this local time."""
    clock = clocks.of(load(_env_file=EXAMPLE, clock_profile=profile, clock_state=state, desk_time_zone=zone))
    at = datetime.fromisoformat(received).replace(tzinfo=ZoneInfo(zone))
    return clock.end(clock.profile.kinds[kind].limit, at, more=more).strftime("%Y-%m-%d %H:%M")


LATE = "19:00"  # after closing time: "the same working day" is then the next one


@pytest.mark.parametrize(
    ("state", "received", "expected"),
    [
        ("", "2026-11-20 10:00", "2026-11-20 18:00"),  # a Friday, in working hours
        ("", f"2026-11-20 {LATE}", "2026-11-23 18:00"),  # over the weekend
        ("", "2026-11-21 10:00", "2026-11-23 18:00"),  # on a Saturday
        ("KUL", f"2026-02-16 {LATE}", "2026-02-19 18:00"),  # Chinese New Year
        ("14", f"2026-03-19 {LATE}", "2026-03-24 18:00"),  # Hari Raya Aidilfitri, with its day in lieu
        ("JHR", f"2026-03-19 {LATE}", "2026-03-25 18:00"),  # Johor has one day in lieu more
        ("14", f"2026-01-30 {LATE}", "2026-02-03 18:00"),  # Federal Territory Day in lieu, KL only
        ("SWK", f"2026-01-30 {LATE}", "2026-02-02 18:00"),
        ("KDH", f"2026-11-26 {LATE}", "2026-11-29 18:00"),  # Friday and Saturday off, Sunday is a working day
        ("KTN", f"2026-11-26 {LATE}", "2026-11-29 18:00"),
        ("TRG", f"2026-11-26 {LATE}", "2026-11-29 18:00"),
        ("JHR", f"2026-11-26 {LATE}", "2026-11-27 18:00"),  # Johor: Saturday and Sunday again since 2025
        ("KDH", f"2026-07-02 {LATE}", "2026-07-06 18:00"),  # the Sultan of Kedah's birthday, a Sunday
        ("KTN", f"2026-07-02 {LATE}", "2026-07-05 18:00"),
    ],
)
def test_the_same_working_day_by_state(state: str, received: str, expected: str) -> None:
    assert due("MY", "threat", received, state=state) == expected


def test_sop_3_1_due_dates_by_profile() -> None:
    assert due("MY", "delete", "2026-11-02 10:00") == "2026-11-23 18:00"
    assert due("MY", "stop", "2026-11-02 23:59") == "2026-11-16 18:00"
    assert due("MY", "stop", "2026-12-11 10:00") == "2026-12-25 18:00", "on a holiday: stays, which is the careful way"
    assert due("MY", "delete", "2026-11-02 10:00", more=14) == "2026-12-07 18:00"
    assert due("SG", "delete", "2026-12-18 10:00", zone="Asia/Singapore") == "2027-01-05 18:00", "Christmas, New Year"


@pytest.mark.parametrize(
    ("received", "more", "expected"),
    [
        ("2026-11-10", 0, "2026-12-10"),
        ("2027-01-31", 0, "2027-03-01"),  # the last day of February, a Sunday, so the Monday after
        ("2028-01-31", 0, "2028-02-29"),
        ("2028-02-29", 0, "2028-03-29"),
        ("2026-11-25", 0, "2026-12-28"),  # Christmas, then a weekend
        ("2026-11-10", 2, "2027-02-10"),
        ("2027-11-30", 3, "2028-03-30"),
        ("2027-12-31", 2, "2028-03-31"),
        ("2028-11-29", 2, "2029-02-28"),
    ],
)
def test_sop_2_3_one_month_in_the_european_union(received: str, more: int, expected: str) -> None:
    assert due("EU", "delete", f"{received} 12:00", zone="Europe/Dublin", more=more) == f"{expected} 18:00"


def test_sop_4_5_profiles_malaysia_first_and_each_number_has_its_source() -> None:
    found = profiles.load()
    assert list(found)[:2] == ["MY", "EU"]
    for name, profile in found.items():
        for number in profile.numbers():
            assert number.name.startswith(f"{name}.")
            assert number.source
            assert number.reviewed < number.review_by
    assert found["MY"].kinds["delete"].limit.count == 21
    assert found["EU"].kinds["delete"].extension is not None


BROKEN = [
    ("limit = { count = 14", "limit = { count = 0", "MY.stop.limit.count"),
    ('source = "PDPA 2010 s.42(3), by analogy", ', "", "MY.delete.limit.source"),
    ('unit = "months"', 'unit = "moons"', "EU.stop.limit.unit"),
    ('start = "receipt"', 'start = "triage"', "MY.start"),
    ("review_by = 2027-05-31", "review_by = 2020-05-31", "MY.stop.limit.review_by"),
    ('granted_by = ["supervisor", "privacy_officer"]', 'granted_by = ["anybody"]', "MY.delete.extension.granted_by"),
    ("[SG.threat]", "[SG.threats]", "SG.threats"),
    ("closes = 18:00:00", "closes = 08:00:00", "MY.hours.closes"),
    ('country = "MY"', 'country = "MY", market = "XECB"', "MY.calendar"),
    ("[MY]", "[MY", "cannot be read"),
]


@pytest.mark.parametrize(("old", "new", "place"), BROKEN)
def test_a_broken_table_is_refused_with_its_place(tmp_path: Path, old: str, new: str, place: str) -> None:
    file = tmp_path / "profiles.toml"
    file.write_text(profiles.FILE.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError) as refused:
        profiles.load(file)
    assert place in str(refused.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"clock_profile": "XX"}, "CLOCK_PROFILE must be one of EU, MY, SG, UK"),
        ({"clock_profile": "my"}, "CLOCK_PROFILE must be one of"),
        ({"clock_state": "99"}, "CLOCK_STATE must be empty or a state"),
        ({"clock_profile": "EU", "clock_state": "KUL"}, "CLOCK_STATE must be empty or a state"),
    ],
)
def test_an_unknown_profile_or_state_is_refused_at_start(given: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(_env_file=EXAMPLE, **given)
    assert words in str(refused.value)
    result = CliRunner().invoke(main, ["check"], env={name.upper(): value for name, value in given.items()})
    assert result.exit_code == 1


def clock_finding(settings: Settings) -> Finding:
    return next(finding for finding in check.run(settings) if finding.name.startswith("clock profile"))


def test_sop_3_5_overdue_reviews_show_in_check(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "today", lambda settings, now: date(2027, 5, 31))
    assert clock_finding(settings) == Finding("clock profile MY")
    monkeypatch.setattr(terms, "today", lambda settings, now: date(2027, 6, 1))
    found = clock_finding(settings)
    assert found.level == "warn"
    assert "MY.delete.limit (by 2027-05-31)" in found.text
    assert "MY.delete.target" not in found.text

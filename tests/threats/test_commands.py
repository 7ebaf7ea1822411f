"""`desk classify` and `desk threats report`, words of an administrator's own, and what a threat's case keeps."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from app import check
from app.cli import main
from app.errors import ConfigError
from app.settings import load
from app.threats import find, language, lexicon
from tests.house import House

EXAMPLE = Path(__file__).parents[2] / ".env.example"
WORDS = """
reviewed = 2026-11-01
review_by = 2026-12-01
[[rule]]
name = "harbour_board"
kind = "regulator"
source = "house rule 7"
words = ["harbour board", "hbx"]
"""


@pytest.fixture(autouse=True)
def our_words_only() -> Iterator[None]:
    yield
    lexicon.use("")


def classify(given: str | bytes, **env: str) -> Result:
    return CliRunner().invoke(main, ["classify"], input=given, env=env)


def test_classify_answers_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no settings here
    text = "> we wrote: ask BNM\r\nDelete my data or I report you to K.P.K.T."
    result = classify("\n".join(json.dumps({"id": n, "text": text}) for n in (1, "b")) + "\n\n")
    assert result.exit_code == 0, result.output
    one, two = (json.loads(line) for line in result.stdout.splitlines())
    assert (one["id"], two["id"]) == (1, "b")
    assert (one["label"], one["kind"], one["intent"], one["channels"]) == (True, "regulator", "delete_data", [])
    assert one["language"] == "en"
    [span] = one["evidence"]
    assert (span["rule"], span["words"]) == ("kpkt", "K.P.K.T")
    assert text[span["start"] : span["end"]] == "K.P.K.T"
    assert span["why"]


@pytest.mark.parametrize(
    "bad",
    [b"{", b"[]", b'"x"', b'{"id": 1}', b'{"text": "x"}', b'{"id": null, "text": "x"}', b'{"id": 1, "text": 2}',
     b'{"id": true, "text": "x"}', b"\xff\xfe", b"[" * 5000, b'{"id": 1, "text": "x"} x'],
)  # fmt: skip
def test_a_line_that_is_none_is_named_and_the_others_are_answered(bad: bytes) -> None:
    good = b'{"id": "good", "text": "hello"}'
    result = classify(b"\n".join([good, bad, good]))
    assert result.exit_code == 2
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["good", "good"]
    assert result.stderr == "desk: line 2: not a JSON object with id and text\n"


def test_classify_writes_utf_8_wherever_it_runs() -> None:
    line = json.dumps({"id": "\ud800", "text": "我要去国家银行投诉你们"}).encode() + b"\n"
    command = [sys.executable, "-m", "app.cli", "classify"]
    env = {"PYTHONPATH": str(EXAMPLE.parent), "LC_ALL": "C"}
    done = subprocess.run(command, input=line, capture_output=True, check=True, env=env, cwd=EXAMPLE.parent)
    assert "国家银行" in done.stdout.decode()


def test_words_of_our_own_count_without_touching_code(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text(WORDS)
    line = json.dumps({"id": 1, "text": "I will complain to the H.B.X about you"})
    assert json.loads(classify(line).stdout)["evidence"][0]["rule"] == "complain"
    [span] = json.loads(classify(line, THREAT_WORDS=str(file)).stdout)["evidence"]
    assert (span["rule"], span["kind"], span["words"]) == ("harbour_board", "regulator", "H.B.X")


def test_a_word_file_that_is_wrong_is_refused_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text(WORDS.replace("regulator", "nobody"))
    with pytest.raises(ConfigError, match="THREAT_WORDS is refused: rule harbour_board"):
        load(_env_file=EXAMPLE, threat_words=str(file))
    with pytest.raises(ConfigError, match="THREAT_WORDS must be empty or a file that can be read"):
        load(_env_file=EXAMPLE, threat_words=str(tmp_path / "none.toml"))
    result = classify("", THREAT_WORDS=str(file))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)


def test_check_names_every_list_whose_review_is_overdue(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text(WORDS)
    lexicon.use(str(file))
    assert check._threat_words(date(2026, 12, 1)).level == "ok"
    found = check._threat_words(date(2026, 12, 2))
    assert (found.level, "ours.toml" in found.text, "words.toml:" in found.text) == ("warn", True, False)
    late = check._threat_words(date(2030, 1, 1)).text
    assert all(name in late for name in ("words.toml", "cues.toml", "wishes.toml", "plain.toml", "ours.toml"))


@pytest.mark.parametrize(
    ("text", "code"),
    [("Please delete my data.", "en"), ("Sila padamkan data saya.", "ms"), ("tlg padam acc sy", "ms"),
     ("请删除我的资料", "zh"), ("என் தரவை நீக்குங்கள்", "ta"), ("Ennoda data delete pannunga illana poren", "ta"),
     ("I nak you delete my data sebab I tak suka", "mixed"), ("", "en")],
)  # fmt: skip
def test_the_language_of_a_message(text: str, code: str) -> None:
    assert language.of(text) == code


def test_the_report_counts_what_supervisors_pressed(database: str) -> None:
    rows = [
        ("acknowledge", "2026-10-31T17:00:00Z", {"rules": ["bank_negara"], "language": "en"}),  # November in Malaysia
        ("acknowledge", "2026-11-02T00:00:00Z", {"rules": ["kpkt"], "language": "ms"}),
        ("false_alarm", "2026-11-02T00:00:00Z", {"rules": ["lawyer"], "language": "en"}),
        ("acknowledge", "2026-11-03T00:00:00Z", {"tagged": True, "language": "ms"}),  # missed
        ("false_alarm", "2026-11-03T00:00:00Z", {"tagged": True}),  # the agent's slip
        ("acknowledge", "2026-10-02T00:00:00Z", {"rules": ["police"]}),  # before the language was kept
    ]
    from app.desk import Desk

    Desk(load(_env_file=EXAMPLE, database_url=database), uri=database, pool=1).db.close()
    with psycopg.connect(database, autocommit=True) as conn:
        for ticket, (decision, at, evidence) in enumerate(rows, 1):
            conn.execute(
                "INSERT INTO cases (ticket_id, procedure, generation, state, decision, decided_at, evidence)"
                " VALUES (%s, 'regulatory_threat', 1, 'done', %s, %s, %s)",
                (ticket, decision, at, json.dumps(evidence)),
            )
    env = {"DATABASE_URL": database}
    result = CliRunner().invoke(main, ["threats", "report", "--json"], env=_env(**env))
    assert result.exit_code == 0, result.output
    shown = {(row["month"], row["language"]): row for row in json.loads(result.stdout)}
    november = {"right": 2, "false_alarms": 1, "missed": 1, "precision": 0.667, "recall": 0.667}
    assert shown["2026-11", "all"] == {"month": "2026-11", "language": "all", **november}
    assert (shown["2026-11", "en"]["precision"], shown["2026-11", "en"]["recall"]) == (0.5, 1.0)
    assert (shown["2026-11", "ms"]["precision"], shown["2026-11", "ms"]["recall"]) == (1.0, 0.5)
    assert shown["2026-10", "-"]["right"] == 1
    assert next(iter(shown)) == ("2026-11", "all")
    table = CliRunner().invoke(main, ["threats", "report"], env=_env(**env))
    assert "false alarms" in table.stdout


def _env(**more: str) -> dict[str, str]:
    from dotenv import dotenv_values

    return {**{name: value or "" for name, value in dotenv_values(EXAMPLE).items()}, **more}


def test_a_threats_case_keeps_the_language_and_no_words(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket(comment="Kalau data saya tidak dipadam, saya akan adu kepada Bank Negara.")
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    [case] = house.rows("SELECT * FROM cases WHERE ticket_id = %s AND procedure = 'regulatory_threat'", ticket)
    assert case["evidence"]["language"] == "ms"
    assert case["evidence"]["rules"] == ["bank_negara"]
    assert "adu" not in json.dumps(case["evidence"])
    assert find("Kalau data saya tidak dipadam, saya akan adu kepada Bank Negara.").kind == "regulator"

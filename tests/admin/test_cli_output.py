"""What the command line writes: to readers that go, as one document, without secrets or what a terminal obeys."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from app.cli import main
from tests.admin.pageskit import XSS, Web, dead_event, event
from tests.cli_kit import Cli, commands, process
from tests.house import ROOT

LISTS = (
    *(("events", "list"), ("events", "list", "--json"), ("events", "show", "1"), ("events", "causes")),
    *(("replay", "--progress"), ("replay", "1", "--dry-run"), ("replay", "--all", "--dry-run")),
    *(("dead", "list"), ("dead", "list", "--json"), ("dead", "show", "2"), ("cases", "list", "--json")),
    *(("cases", "list"), ("cases", "list", "--unconfirmed"), ("cases", "show", "7"), ("cases", "proof", "7")),
    *(("audit", "list"), ("audit", "head"), ("admin", "list"), ("cover", "list"), ("tokens", "list")),
    *(("threats", "report"), ("audit", "verify")),
)
# Loads the command line once; each command runs in a child, to the very end of the interpreter, where Python complains
# of an output that it cannot write.
DRIVER = """
import json, os, sys
import app.cli
found = []
for words in json.loads(sys.argv[1]):
    if os.fork() == 0:
        break
    found.append(os.waitstatus_to_exitcode(os.wait()[1]))
else:
    print(json.dumps(found))
    sys.exit()
if sys.argv[2] == "unread":
    ours, theirs = os.pipe()
    os.close(ours)
    os.dup2(theirs, 1)
else:
    os.close(1)
    sys.stdout = None
app.cli.main(words)
"""


@pytest.mark.long
@pytest.mark.parametrize(("how", "code"), [("unread", 141), ("closed", 0)])
def test_c007_nobody_reads_the_output(web: Web, how: str, code: int) -> None:
    """C007: `| head` that has gone, and no standard output at all; of every command that lists something."""
    dead_event(web)
    event(web, "dead", kind="dead", fact="zd:dead:1", reason="json")
    lists = {words for words, command in commands() if words[-1] in ("list", "show", "causes", "report", "head")}
    assert lists - {("consent", "show")} <= {words[:2] for words in LISTS}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(LISTS), how], cwd=ROOT / "tests", check=False, capture_output=True,
        env={**os.environ, **web.environment, "PYTHONPATH": str(ROOT)}, timeout=100,
    )  # fmt: skip
    assert done.stderr.decode() == ""
    assert dict(zip(LISTS, json.loads(done.stdout), strict=True)) == dict.fromkeys(LISTS, code)


@pytest.mark.long
def test_an_output_that_is_not_utf_8_shows_what_it_can(web: Web) -> None:
    """A document is UTF-8 all the same."""
    event(web, reason="né 李")
    web.environment["PYTHONIOENCODING"] = "latin-1"
    for words, shown in ((("events", "list"), b"n\xe9 \\u674e"), (("events", "list", "--json"), "né 李".encode())):
        out, errors = process(web, *words).communicate(timeout=60)
        assert errors == b""
        assert shown in out


def test_what_is_shown_obeys_nobody(web: Web, desk: Cli) -> None:
    """Escapes are written out, on every terminal."""
    event(web, reason="\x1b[2Jgone\u202e")
    assert "\\x1b[2Jgone\\u202e" in desk("events", "list").stdout


# ---- secrets, JSON

SECRET = re.compile("password|secret|token|key|code|totp")


def test_c010_no_command_takes_a_secret_as_an_argument() -> None:
    """C010: a flag or a file's name may be called so, a value that everybody sees in `ps` may not."""
    taking = [
        (words, param.name)
        for words, command in commands()
        for param in command.params
        if SECRET.search(param.name or "") and not isinstance(param.type, click.File | click.types.BoolParamType)
    ]
    assert taking == []


JSON = {
    ("events", "list"): 0,
    ("events", "list", "--failed"): 0,
    ("events", "show", "99"): 3,
    ("events", "show", "x"): 3,
    ("events", "causes"): 0,
    ("events", "replay", "99"): 3,
    ("replay", "99"): 3,
    ("replay", "--failed"): 0,
    ("replay", "--all", "--dry-run"): 0,
    ("replay", "--all", "--yes"): 0,
    ("replay", "--all", "--yes", "--wait"): 0,
    ("replay", "--all"): 2,
    ("replay", "--cause", "none", "--dry-run"): 3,
    ("replay", "--progress"): 0,
    ("replay", "--progress", "--wait"): 0,
    ("dead", "list"): 0,
    ("dead", "show", "99"): 3,
    ("dead", "show", "99", "--reason", "x"): 3,
    ("cases", "list"): 0,
    ("cases", "list", "--overdue"): 0,
    ("cases", "list", "--unconfirmed"): 0,
    ("cases", "list", "--nonsense"): 2,
    ("cases", "show", "99"): 3,
    ("cases", "erase", "99", "--reason", "x", "--confirm", "99"): 3,
    ("cases", "erase", "99", "--reason", "x"): 2,
    ("audit", "list"): 0,
    ("audit", "head"): 0,
    ("admin", "list"): 0,
    ("cover", "list"): 0,
    ("tokens", "list"): 0,
    ("threats", "report"): 0,
    ("consent", "show", "--phone", "0123456789"): 3,
}
ELSEWHERE = {"bench", "suppress"}  # their documents are held against their files and figures in their own tests


def test_c013_json_is_one_document_also_when_there_is_nothing(web: Web, desk: Cli) -> None:
    """C013: the exit code is the same with and without."""
    known = {words for words, command in commands() if any(param.name == "as_json" for param in command.params)}
    shown = {words[:size] for words in JSON for size in (1, 2)}
    assert {words for words in known if words[0] not in ELSEWHERE} <= shown
    for words, code in JSON.items():
        desk(*words, code=code)
        out = desk(*words, "--json", code=code).stdout
        if code == 0 or out:
            json.loads(out)
        assert code or out, words


def test_json_of_what_is_there_is_utf_8_and_masked(web: Web) -> None:
    number = dead_event(web, reason="né 李")
    fact = f"{XSS}\x1b\u2028"
    letter = event(web, "dead", kind="dead", fact=fact, reason="json", body=web.desk.vault.seal(b"Siti", fact))
    for words in (("events", "show", number), ("dead", "show", letter), ("dead", "list"), ("replay", number)):
        given = [str(word) for word in (*words, "--json")]
        result = CliRunner().invoke(main, given, env=web.environment)
        assert result.exit_code == 0, result.output
        json.loads(result.stdout_bytes.decode("utf-8"))
        assert "Siti" not in result.output

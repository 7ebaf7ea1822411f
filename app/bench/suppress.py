"""Measures `desk suppress check` as a process of its own, beside a floor: the same file read and written as CSV.

Two columns name a person, so every row costs two keyed hashes; a tenth of the rows is refused. Everything is made
up here and gone afterwards.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from app.bench.stage import BenchError, database, stage
from app.demo import DESK
from app.suppress.lookup import SETTLED_SECONDS
from app.vault import Vault

FLOOR = (
    "import csv, sys\n"
    "kind = dict(newline='', encoding='utf-8')\n"
    "with open(sys.argv[1], **kind) as one, open(sys.argv[2], 'w', **kind) as other:\n"
    "    csv.writer(other).writerows(csv.reader(one))\n"
)


def run(rows: int, entries: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Rates are rows per second; memory is the process's peak resident memory in MB. Raises BenchError."""
    load = os.getloadavg()[0]
    with database() as (folder, server), stage(folder, server, "suppress") as here:
        tell(f"{entries} entries into a ledger, {rows} rows into a file")
        refused = min(rows // 10, entries)
        _fill(here.uri, Vault(here.environment["DATA_KEY"]), [*range(refused), *range(rows, rows + entries - refused)])
        path = folder / "campaign.csv"
        _write(path, rows)
        time.sleep(SETTLED_SECONDS + 1)  # entries as fresh as these would be looked at twice
        tell("CSV alone")
        floor, _, _, _ = _timed([sys.executable, "-c", FLOOR, str(path), str(folder / "floor.csv")], here.environment)
        tell("desk suppress check")
        command = [*DESK, "suppress", "check", str(path), "--channel", "calls", "--json"]
        seconds, used, peak, said = _timed(command, here.environment)
    answer = json.loads(said)
    if answer["refused"] != refused or answer["rows"] != rows:
        raise BenchError("the file was not parted as it should be", "bench")
    return {
        "machine": {"cores": os.cpu_count(), "load_before": load},
        "rows": rows,
        "entries": entries,
        "refused": refused,
        "floor_rows_s": round(rows / floor),
        "rows_s": round(rows / seconds),
        "of_floor": round(floor / seconds, 3),
        "rows_cpu_s": round(rows / used),
        "peak_mb": round(peak, 1),
    }


def _number(n: int) -> str:
    return f"11{n:08d}"


def _fill(uri: str, vault: Vault, numbers: list[int]) -> None:
    with psycopg.connect(uri) as conn, conn.cursor() as cursor:
        columns = "person, kind, purpose, channel, allowed, actor, wording, wished_at"
        with cursor.copy(f"COPY consents ({columns}) FROM STDIN") as copy:
            for n in numbers:
                person = vault.digest("phone", f"+60{_number(n)}")
                copy.write_row((person, "phone", "offers", "any", False, "0", "bench", "2026-01-01T00:00:00Z"))
        cursor.execute("ANALYZE consents")


def _write(path: Path, rows: int) -> None:
    """In no order, as a real file: the index is looked into everywhere."""
    order = list(range(rows))
    random.Random(1).shuffle(order)  # noqa: S311 - the same file each time
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("id,name,phone,email,segment\n")
        for n in order:
            number = _number(n)
            file.write(f"{n},Nurul Aina {n},0{number[:2]}-{number[2:6]} {number[6:]},nurul{n}@example.my,A\n")


def _timed(command: list[str], environment: dict[str, str]) -> tuple[float, float, float, bytes]:
    """(seconds, seconds of processor time, peak MB, what it printed) of a process. Raises BenchError when it fails."""
    began = time.monotonic()
    values = {**os.environ, **environment}
    with subprocess.Popen(command, env=values, stdout=subprocess.PIPE) as child:  # noqa: S603 - commands of this module
        assert child.stdout is not None
        peak, ended = 0.0, 0
        while not ended:  # it prints one small document, so it never waits for us to read
            peak = _peak(child.pid) or peak
            ended, status, usage = os.wait4(child.pid, os.WNOHANG)
            time.sleep(0.02)
        child.returncode = os.waitstatus_to_exitcode(status)
        said = child.stdout.read()
    if child.returncode:
        raise BenchError(f"{command[-4]} ended with code {child.returncode}", "bench")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, peak or usage.ru_maxrss / 1024**2, said


def _peak(pid: int) -> float | None:
    """Peak resident memory in MB; None where there is no /proc. Not ru_maxrss: on Linux that begins with our own."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return None
    return int(found[1]) / 1024 if found else None

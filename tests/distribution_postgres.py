"""`make test-postgres`: the same tests against a PostgreSQL of the distribution, in a throw-away cluster.

Not a test module. Makes a cluster in a temporary folder (socket only, no port), gives its URL to pytest as
TEST_DATABASE_URL, passes pytest's arguments on, and removes the cluster at the end.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.databases import to_the_disk

USER = "postgres"


def binaries() -> Path:
    """The folder of the newest initdb and pg_ctl; SystemExit when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise SystemExit("no PostgreSQL of the distribution here: apt-get install postgresql, then run again")
    return (found[-1] if found else Path(str(on_path)).resolve()).parent


@contextmanager
def cluster() -> Iterator[str]:
    """URL of a running, empty cluster that lives as long as the block."""
    folder = Path(tempfile.mkdtemp(prefix="desk-pg-"))  # short: a socket's path has 100 characters at most
    as_user: tuple[str, ...] = ()
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        entry = pwd.getpwnam(USER)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        as_user = ("runuser", "-u", USER, "--")
    data, tools = folder / "data", binaries()

    def run(tool: str, *arguments: str) -> None:
        subprocess.run([*as_user, str(tools / tool), "-D", str(data), *arguments], check=True, cwd=folder, stdout=2)

    try:
        run("initdb", "--auth=trust", "--data-checksums", "--encoding=UTF8", "--no-locale", "-U", USER)
        run("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -h ''")
        try:
            url = f"postgresql://{USER}@/postgres?host={folder}"
            to_the_disk(url, "off")  # as the embedded one under test
            yield url
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments: list[str]) -> int:
    with cluster() as url:
        print(f"PostgreSQL of {binaries()}", flush=True)
        environment = {**os.environ, "TEST_DATABASE_URL": url}
        return subprocess.call([sys.executable, "-m", "pytest", *arguments], env=environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

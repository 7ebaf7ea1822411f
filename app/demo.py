"""`desk demo`: everything on one machine against stand-ins, one URL to open, gone cleanly on Ctrl-C.

The parent starts the embedded PostgreSQL and gives its URL to the children: migrations, the stand-ins, web and worker.
Each child has its own process group, so a Ctrl-C reaches the parent alone, which stops them in order. Settings of the
surrounding environment are not used, but for HOST, PORT and CHAT: a demo never touches a real account.
"""

from __future__ import annotations

import fcntl
import http.client
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import click
import psycopg
from dotenv import dotenv_values
from psycopg import sql

from app import audit, db, processes
from app.admin import accounts
from app.desk import Desk
from app.errors import DeskError
from app.processes import Child, DemoError
from app.settings import Settings, load

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN = 60.0  # seconds until web and stand-ins must answer
CONFIRMATION = "identity=360005,confirmed_by=360006,confirmed_via=360007,authority=360008"
STAND_IN_MATTERMOST = {  # what the stand-ins know; ids of 26 letters and digits that can be read
    "MATTERMOST_TOKEN": "stand-in-mattermost",
    "MATTERMOST_CHANNEL": "supervisorsxxxxxxxxxxxxxxx",
    "APPROVERS": "aisyahxxxxxxxxxxxxxxxxxxxx=aisyah@example.com,balaxxxxxxxxxxxxxxxxxxxxxx=bala@example.com",
}
ADMIN = "demo"  # the name of the account on the admin pages
DESK = (sys.executable, "-m", "app.cli")


class Stop:
    """Set by a signal. A plain flag: an Event's lock must not be taken inside a signal handler."""

    asked = False

    def __call__(self, *_: object) -> None:
        self.asked = True


def run(settings_overrides: Mapping[str, str] | None = None) -> int:
    """Run until Ctrl-C or SIGTERM (0), or until a part fails (1). Overrides are names of `.env.example`."""
    stop = Stop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        environment = demo_environment(settings_overrides or {})
        settings = load(**{name.lower(): value for name, value in environment.items()})
        logs = Path(settings.var_dir) / "log"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs.parent / "lock").open("w") as lock:
            _only_one(lock.fileno(), settings)
            return _with_database(settings, environment, stop)
    except (DemoError, DeskError) as error:
        click.echo(str(error), err=True)
        return 1


def _only_one(lock: int, settings: Settings) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DemoError(f"a demo is running in {settings.var_dir} already: stop it first") from None


def _with_database(settings: Settings, environment: dict[str, str], stop: Stop) -> int:
    uri = db.url(settings)
    children: list[Child] = []
    try:
        environment["DATABASE_URL"] = uri if settings.database_url else _fresh_database(uri)
        password = _start_all(children, settings, environment)
        if _wait_ready(children, settings, stop):
            _announce(settings, password)
        while not stop.asked:
            processes.check(children)
            time.sleep(0.1)
        return 0
    finally:
        processes.stop(children, click.echo)
        db.stop_embedded(settings)
        click.echo("stopped")


def _announce(settings: Settings, password: str) -> None:
    click.echo(f"Deletion Desk is ready: {settings.zendesk_url}/")
    click.echo("  Tag a ticket on the left, approve in the middle, close the issue on the right. Ctrl-C stops it all.")
    click.echo(f"  Admin pages: {settings.public_url}/admin/  name {ADMIN}, password {password}")
    click.echo(f"  and the code of this telephone: {settings.zendesk_url}/authenticator")
    click.echo(f"  The desk itself: {settings.public_url}   Logs: {Path(settings.var_dir) / 'log'}")


def demo_environment(overrides: Mapping[str, str]) -> dict[str, str]:
    """`.env.example` on ports that are free, with HOST, PORT and CHAT of the environment; overrides win."""
    values = {name: value or "" for name, value in dotenv_values(ROOT / ".env.example", interpolate=False).items()}
    values |= {name: os.environ[name] for name in ("HOST", "PORT", "CHAT") if os.environ.get(name)}
    if overrides.get("CHAT", values.get("CHAT")) == "mattermost":
        values |= {**STAND_IN_MATTERMOST, "MATTERMOST_URL": values["ZENDESK_URL"]}
    values |= {"VAR_DIR": "./var/demo", **_whole_procedure(values), **overrides}
    values["VAR_DIR"] = str(Path(values["VAR_DIR"]).resolve())  # the children run in another folder
    desk = free_port(values["HOST"], int(values["PORT"]))
    default = urlsplit(values["ZENDESK_URL"]).port or 9000
    stand_ins = free_port(values["HOST"], default, besides=desk)
    values["PORT"] = str(desk)
    if "PUBLIC_URL" not in overrides:
        values["PUBLIC_URL"] = f"http://127.0.0.1:{desk}"
    vendors = {"ZENDESK_URL", "SLACK_URL", "MATTERMOST_URL", "JIRA_URL", "BAN_CHECK_URL"} & set(values)
    for name in vendors - set(overrides):
        values[name] = values[name].replace(f":{default}", f":{stand_ins}")
    return values


def _whole_procedure(values: Mapping[str, str]) -> dict[str, str]:
    """What a new account may leave out and a demo shows: who confirmed, the ban's source, the second message."""
    return {
        "DESK_FIELDS": f"{values.get('DESK_FIELDS', '')},{CONFIRMATION}",
        "BAN_CHECK_URL": f"{values['ZENDESK_URL']}/backoffice/bans/{{customer}}?channel={{channel}}",
        "BAN_CHECK_TOKEN": "stand-in-bans",
        "COMPLETION_MACRO": "Opt-Out Confirmation",
        "KEPT_IN_REPLY": "true",
        "SWEEP_INTERVAL": "20",
    }


def free_port(host: str, wanted: int, besides: int = 0) -> int:
    """`wanted` when nobody listens there, else any free one but `besides`. Raises DemoError when there is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in (wanted, 0, 0):
        with closing(socket.socket(family)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            found = int(probe.getsockname()[1])
            if found != besides:
                return found
    raise DemoError(f"no port is free on {host}")


def _fresh_database(uri: str) -> str:
    """A new database each time: the stand-ins forget everything at a stop, so an older one would not fit them."""
    name = f"demo_{int(time.time())}_{os.getpid()}"
    with psycopg.connect(uri, autocommit=True) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, 'demo_')").fetchall()
        for (old,) in found:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(old)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return urlsplit(uri)._replace(path=f"/{name}").geturl()


def _start_all(children: list[Child], settings: Settings, environment: Mapping[str, str]) -> str:
    """Migrations first, to their end; then all the others. `children` is in the order they are to be stopped in.
    Returns the admin's password."""

    def start(name: str, *command: str, **more: str) -> Child:
        logs = Path(settings.var_dir) / "log"
        return processes.start(name, command, folder=ROOT, logs=logs, environment={**environment, **more})

    migrate = start("migrate", *DESK, "migrate")
    if migrate.process.wait():
        raise migrate.failure()
    password, secret = _make_admin(settings, environment["DATABASE_URL"])
    # The folder is ROOT because gunicorn reads gunicorn.conf.py there.
    children.append(start("worker", *DESK, "work"))
    children.append(start("web", sys.executable, "-m", "gunicorn", "app:create_app()"))
    port = str(urlsplit(settings.zendesk_url).port)
    where = ("--host", settings.host, "--port", port, "--desk", settings.public_url)
    # Last to stop: the others may still be in the middle of a call to them.
    children.append(start("stand-ins", sys.executable, "-m", "sandbox", *where, AUTHENTICATOR_SECRET=secret))
    return password


def _make_admin(settings: Settings, uri: str) -> tuple[str, str]:
    """Somebody who may do everything on the admin pages; password, and secret of the codes. New at each start."""
    desk, password = Desk(settings, uri=uri), secrets.token_urlsafe(12)
    with closing(desk.db), desk.db.tx() as conn:
        _, secret = accounts.add(conn, desk.vault, ADMIN, "officer", password)
        audit.write(conn, desk.vault, audit.DESK, "account.added", f"account:{ADMIN}", after={"role": "officer"})
    return password, secret


def _wait_ready(children: list[Child], settings: Settings, stop: Stop) -> bool:
    """True when web and stand-ins answer; False when asked to stop before that. Raises DemoError after READY_WITHIN."""
    waiting = {f"{settings.public_url}/readyz": "web", f"{settings.zendesk_url}/sandbox/state": "stand-ins"}
    until = time.monotonic() + READY_WITHIN
    while waiting and not stop.asked:
        processes.check(children)
        waiting = {url: name for url, name in waiting.items() if not _answers(url)}
        if time.monotonic() > until:
            raise DemoError(f"no answer after {READY_WITHIN:.0f} s: {', '.join(waiting)}")
        time.sleep(0.05)
    return not stop.asked


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)  # knows no proxy
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

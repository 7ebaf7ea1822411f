"""What every stand-in shares: the world's state, the record of what arrived and what was really applied, one decorator.

A view of a vendor's method is wrapped with `endpoint(vendor, method)`. The view runs once, under the world's lock, and
what it changes is the "commit" that the faults speak of: a fault acts before it, after it, or instead of it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any

from flask import Response, current_app, make_response, request

from sandbox.config import Config
from sandbox.fault_actions import run_with_fault
from sandbox.faults import Faults
from sandbox.hooks import Hooks

if TYPE_CHECKING:
    from sandbox.backoffice import State as BackofficeState
    from sandbox.jira import State as JiraState
    from sandbox.mattermost import State as MattermostState
    from sandbox.slack import State as SlackState
    from sandbox.slack.socket import Sockets
    from sandbox.zendesk import State as ZendeskState

__all__ = ["Config", "World", "endpoint", "stamp", "the_world"]

KEPT_ARRIVALS = 20_000
READS = {"conversations.history", "conversations.replies"}  # Slack's read-back methods; elsewhere every GET is one


class World:
    """All state of one sandbox; everything in it is read and changed under `lock`.

    Views must reach a vendor's state as `world.zendesk`, `world.slack`, `world.jira` at request time, never keep it:
    `reset` replaces it, and a stale read-back (a fault) puts an older copy in its place for one request.
    """

    zendesk: ZendeskState
    slack: SlackState
    mattermost: MattermostState
    jira: JiraState
    backoffice: BackofficeState
    sockets: Sockets  # of Slack; kept over a reset, as open connections are

    def __init__(self, config: Config | None = None) -> None:
        from sandbox.slack.socket import Sockets

        self.config = config or Config()
        self.lock = threading.RLock()
        self.closing = threading.Event()
        self.url = ""  # set by the server once the port is known
        self.drop_tls: Callable[[], None] = lambda: None  # set by the server: closes idle TLS connections
        self._news = threading.Condition()
        self._version = 0
        self.faults = Faults(self)
        self.hooks = Hooks(self)
        self.sockets = Sockets(self)
        self.reset()

    def __deepcopy__(self, memo: dict[int, Any]) -> World:
        """Copies of a vendor's state (for stale reads) keep pointing at the one world."""
        return self

    def reset(self) -> None:
        """Forget everything: state, records, faults, pending webhooks; then seed again if the settings say so."""
        from sandbox import backoffice, jira, mattermost, slack, zendesk

        with self.lock:
            self.random = random.Random(self.config.random_seed)
            self.applied: list[dict[str, Any]] = []
            self.arrivals: list[dict[str, Any]] = []
            self.acts: list[dict[str, Any]] = []
            self._applied_n = 0
            self._arrivals_n = 0
            self.faults.clear()
            self.hooks.clear()
            self.zendesk = zendesk.State(self)
            self.slack = slack.State(self)
            self.mattermost = mattermost.State(self)
            self.jira = jira.State(self)
            self.backoffice = backoffice.State(self)
            if self.config.seed:
                from sandbox.seed import seed

                seed(self)
        self.changed()

    def now(self) -> datetime:
        """The time, aware, UTC."""
        return datetime.now(UTC)

    def record(self, vendor: str, kind: str, target: object, op: str | None = None, **ids: Any) -> dict[str, Any]:
        """Note an effect that was really applied. `op` is the caller's own mark of the effect, when it sent one."""
        with self.lock:
            self._applied_n += 1
            entry = {
                "n": self._applied_n,
                "at": stamp(self.now()),
                "vendor": vendor,
                "kind": kind,
                "target": str(target),
                "op": op,
                **ids,
            }
            self.applied.append(entry)
        self.changed()
        return entry

    def act(self, vendor: str, kind: str, target: object, **details: Any) -> None:
        """Note what a person did by the page (an agent tagged, a supervisor pressed); for the page's timeline."""
        with self.lock:
            entry = {"at": stamp(self.now()), "vendor": vendor, "kind": kind, "target": str(target), "by": "person"}
            self.acts.append({**entry, **details})
        self.changed()

    def timeline(self, newest: int) -> list[dict[str, Any]]:
        """Effects and people's acts together, oldest first, the newest ones only."""
        with self.lock:
            both = self.applied[-newest:] + self.acts[-newest:]
        return sorted(both, key=lambda entry: entry["at"])[-newest:]

    def effects(self, vendor: str | None = None, kind: str | None = None) -> list[dict[str, Any]]:
        """The applied effects of one vendor and kind (both optional), oldest first; for tests."""
        with self.lock:
            return [e for e in self.applied if vendor in (None, e["vendor"]) and kind in (None, e["kind"])]

    def arrived(self, vendor: str, method: str | None = None) -> list[dict[str, Any]]:
        """The requests that reached a vendor (and one of its methods), oldest first; for tests."""
        with self.lock:
            return [a for a in self.arrivals if a["vendor"] == vendor and method in (None, a["method"])]

    def note_arrival(self, vendor: str, method: str) -> dict[str, Any]:
        """Record the request being served. The credential itself is never kept, only that there was one."""
        payload = request.get_json(silent=True) if request.is_json else None
        with self.lock:
            self._arrivals_n += 1
            entry: dict[str, Any] = {
                "n": self._arrivals_n,
                "at": stamp(self.now()),
                "vendor": vendor,
                "method": method,
                "verb": request.method,
                "path": request.path,
                "query": request.args.to_dict(),
                "auth": request.headers.get("Authorization", "").split(" ")[0],
                "body": _without_secret(
                    payload if payload is not None else request.form.to_dict() or request.get_data(as_text=True)
                ),
                "fault": None,
                "status": None,
            }
            self.arrivals.append(entry)
            if len(self.arrivals) > KEPT_ARRIVALS:
                del self.arrivals[: KEPT_ARRIVALS // 10]
        return entry

    def changed(self) -> None:
        """Wake the pages that watch."""
        with self._news:
            self._version += 1
            self._news.notify_all()

    def wait_change(self, since: int, timeout: float) -> int:
        """Wait until something changed after version `since`, at most `timeout` seconds; answers the version now."""
        with self._news:
            self._news.wait_for(lambda: self._version != since or self.closing.is_set(), timeout)
            return self._version

    def pause(self, seconds: float) -> None:
        """Wait as a slow vendor would, but end at once when the sandbox is stopped."""
        if seconds > 0:
            self.closing.wait(seconds)

    def wait_until(self, met: Callable[[], Any], timeout: float = 5.0) -> Any:
        """Poll until `met()` is truthy and answer that, or the last falsy value after `timeout` seconds; for tests."""
        end = time.monotonic() + timeout
        while not (value := met()) and time.monotonic() < end:
            time.sleep(0.01)
        return value


View = Callable[..., Any]


def endpoint(vendor: str, method: str, *, read: bool | None = None) -> Callable[[View], View]:
    """Wrap the view of one vendor method: note the arrival, apply limits and faults, run the view once under the lock.

    `method` is the name that faults and arrivals use. `read` says that the call is a read-back (default: every GET, and
    Slack's conversation reads). A vendor's `State.throttle(method)` may answer a Response instead of None (its rate
    limit); `State.dress(response)` may add headers.
    """

    def wrap(view: View) -> View:
        @wraps(view)
        def served(*args: Any, **kwargs: Any) -> Response:
            world = the_world()
            is_read = read if read is not None else (request.method == "GET" or method in READS)
            arrival = world.note_arrival(vendor, method)
            world.pause(world.config.latency)

            def commit() -> Response:
                with world.lock:
                    state = getattr(world, vendor)
                    throttle = getattr(state, "throttle", None)
                    refused = throttle(method) if throttle and world.config.limits else None
                    response = refused if refused is not None else make_response(view(*args, **kwargs))
                    dress = getattr(state, "dress", None)
                    return dress(response) if dress else response

            response = run_with_fault(world, vendor, method, is_read, arrival, commit)
            arrival["status"] = response.status_code
            return response

        return served

    return wrap


def _without_secret(body: Any) -> Any:
    """The body as it arrived, but never a credential."""
    if isinstance(body, dict):
        return {k: v for k, v in body.items() if k not in {"client_secret", "token"}}
    return body


def the_world() -> World:
    """The world of the app that serves the present request."""
    world = current_app.extensions["sandbox"]
    assert isinstance(world, World)
    return world


def stamp(moment: datetime) -> str:
    """ISO with milliseconds and `Z`, for records and the page."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""Every fault of the catalogue (facts/faults.md 4.3) does what its name says: what is applied, what the caller hears.

The caller is Zendesk's update of one ticket; that the faults work at Slack and JIRA alike is shown by a few.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from sandbox.caller import Account
from sandbox.fault_actions import ACTIONS
from sandbox.faults import NAMES
from sandbox.server import Config, Sandbox

HEARD_NOTHING = (requests.ConnectionError, requests.Timeout)


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox(Config(limits=False, trigger_webhooks=False), tls=True) as box:
        yield box


@pytest.fixture
def box(server: Sandbox) -> Sandbox:
    server.world.reset()
    return server


@pytest.fixture
def caller(box: Sandbox) -> Account:
    account = Account(box.url)
    account.login()
    return account


@pytest.fixture
def number(box: Sandbox) -> int:
    return next(iter(box.world.zendesk.tickets))


def say(caller: Account, number: int, timeout: float = 5) -> requests.Response:
    return caller.update(number, timeout, comment={"body": "hello", "public": True}, metadata={"desk_op": "op-1"})


def comments(box: Sandbox) -> int:
    return len(box.world.effects("zendesk", "comment"))


def arrivals(box: Sandbox) -> int:
    return len(box.world.arrived("zendesk", "tickets.update"))


@pytest.mark.parametrize(
    ("fault", "options", "status", "applied"),
    [
        ("429", {}, 429, 0),
        ("503_before", {}, 503, 0),
        ("503_after", {}, 503, 1),
        ("502", {}, 502, 0),
        ("502", {"commit": True}, 502, 1),
        ("500", {}, 500, 0),
        ("401", {}, 401, 0),
        ("403", {}, 403, 0),
        ("redirect", {}, 307, 0),
        ("slow", {"seconds": 0.2}, 200, 1),
    ],
)
def test_answers(
    box: Sandbox, caller: Account, number: int, fault: str, options: dict[str, Any], status: int, applied: int
) -> None:
    order = box.world.faults.add("zendesk", "tickets.update", fault, **options)
    assert say(caller, number).status_code == status
    assert (arrivals(box), comments(box), order.fired) == (1, applied, 1)
    assert say(caller, number).status_code == 200  # the fault is spent
    assert (comments(box), box.world.faults.fired[fault]) == (applied + 1, 1)


@pytest.mark.parametrize("retry_after", [None, "none", "7", "86400", "date"])
def test_retry_after_comes_in_all_forms(box: Sandbox, caller: Account, number: int, retry_after: str | None) -> None:
    box.world.faults.add("zendesk", "*", "429", retry_after=retry_after)
    header = say(caller, number).headers.get("Retry-After")
    if retry_after == "date":
        ahead = parsedate_to_datetime(str(header)).timestamp() - time.time()
        assert 4 < ahead <= 7.1
    else:
        assert header == (None if retry_after == "none" else retry_after)


@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "hang_after", "late_commit", "outage"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_no_answer(box: Sandbox, number: int, fault: str, tls: bool) -> None:
    caller = Account(box.tls_url, box.ca_file) if tls else Account(box.url)
    caller.login()
    box.world.faults.add("zendesk", "tickets.update", fault, seconds=0.6, outage_times=1)
    with pytest.raises(HEARD_NOTHING):
        say(caller, number, timeout=0.3)
    assert comments(box) == {"reset_after": 1, "hang_after": 1}.get(fault, 0)
    if fault == "late_commit":  # the client has given up; the effect lands all the same
        box.world.wait_until(lambda: comments(box))
        assert comments(box) == 1
    assert arrivals(box) == 1


def test_a_reset_is_a_reset_and_a_hang_ends_silently(box: Sandbox, caller: Account, number: int) -> None:
    box.world.faults.add("zendesk", "tickets.update", "reset_before")
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        say(caller, number)
    box.world.faults.add("zendesk", "tickets.update", "hang_after", seconds=0.1)
    with pytest.raises(requests.ConnectionError, match="without response"):
        say(caller, number)


@pytest.mark.parametrize("form", ["html", "truncated", "empty", "wrong_id"])
def test_garbage_after_the_commit(box: Sandbox, caller: Account, number: int, form: str) -> None:
    box.world.faults.add("zendesk", "tickets.update", "garbage_after", form=form)
    answer = say(caller, number)
    assert (answer.status_code, comments(box)) == (200, 1)
    if form == "wrong_id":
        assert answer.json()["ticket"]["id"] != number
    else:
        with pytest.raises(requests.exceptions.JSONDecodeError):
            answer.json()


def test_huge_body(box: Sandbox, caller: Account, number: int) -> None:
    box.world.faults.add("zendesk", "tickets.update", "huge_body", size=3_000_000)
    assert len(say(caller, number).content) > 3_000_000
    assert comments(box) == 1


def test_slow_drip_beats_a_read_timeout(box: Sandbox, caller: Account, number: int) -> None:
    box.world.faults.add("zendesk", "tickets.show", "slow_drip", seconds=0.8)
    start = time.monotonic()
    assert caller.call("GET", f"tickets/{number}.json", timeout=0.3).json()["ticket"]["id"] == number
    assert time.monotonic() - start > 0.5  # each byte came in time, the whole did not


def test_a_redirect_leads_to_another_host(box: Sandbox, caller: Account, number: int) -> None:
    box.world.faults.add("zendesk", "tickets.update", "redirect")
    url = f"{box.url}/api/v2/tickets/{number}.json"
    caller.http.put(url, json={"ticket": {"subject": "x"}}, timeout=5, allow_redirects=True)
    (led,) = box.world.arrived("elsewhere")
    assert (led["verb"], led["auth"]) == (
        "PUT",
        "",
    )  # requests drops the credential for another host; the body it keeps
    assert led["body"] == {"ticket": {"subject": "x"}}


def test_a_tls_failure_is_met_at_the_handshake(box: Sandbox, number: int) -> None:
    caller = Account(box.tls_url, box.ca_file)
    caller.login()
    before = len(box.world.arrivals)
    order = box.world.faults.add("zendesk", "*", "tls_failure")  # closes idle connections, so that a new one is needed
    with pytest.raises(requests.exceptions.SSLError):
        say(caller, number)
    assert (len(box.world.arrivals), comments(box), order.fired) == (before, 0, 1)
    assert say(caller, number).status_code == 200


def test_an_outage_takes_the_whole_vendor_for_its_time_and_no_other(box: Sandbox, caller: Account, number: int) -> None:
    box.world.faults.add("zendesk", "*", "outage", seconds=0.4)
    for path in (f"tickets/{number}.json", "macros.json"):
        with pytest.raises(requests.ConnectionError):
            caller.call("GET", path)
    jira = caller.http.get(
        f"{box.url}/rest/api/2/serverInfo", auth=("desk@example.com", "stand-in-jira-token"), timeout=5
    )
    assert jira.status_code == 200
    time.sleep(0.45)
    assert say(caller, number).status_code == 200


def test_readback_fails_for_reads_only(box: Sandbox, caller: Account, number: int) -> None:
    box.world.faults.add("zendesk", "*", "readback_fails", times=None)
    assert say(caller, number).status_code == 200
    assert caller.call("GET", f"tickets/{number}/audits.json").status_code == 500
    assert caller.call("GET", f"tickets/{number}.json").status_code == 500


def test_readback_stale_shows_what_was(box: Sandbox, caller: Account, number: int) -> None:
    stale = box.world.faults.add("zendesk", "*", "readback_stale", times=None)
    caller.login()  # a bearer newer than the copy is known all the same
    assert say(caller, number).status_code == 200
    assert len(caller.call("GET", f"tickets/{number}/comments.json").json()["comments"]) == 1
    box.world.faults.remove(stale)
    assert len(caller.call("GET", f"tickets/{number}/comments.json").json()["comments"]) == 2


def test_skip_times_method_and_share(box: Sandbox, caller: Account, number: int) -> None:
    box.world.faults.add("zendesk", "tickets.update", "500", times=2, skip=1)
    box.world.faults.add("zendesk", "macros.list", "500", times=None)
    assert [say(caller, number).status_code for _ in range(4)] == [200, 500, 500, 200]
    box.world.faults.clear()
    half = box.world.faults.add("zendesk", "tickets.show", "500", times=None, share=0.5)
    codes = [caller.call("GET", f"tickets/{number}.json").status_code for _ in range(60)]
    assert codes.count(500) == half.fired
    assert 15 < half.fired < 45


def test_the_control_interface_orders_lists_and_clears(box: Sandbox, caller: Account, number: int) -> None:
    made = caller.control("faults", {"vendor": "zendesk", "method": "tickets.update", "fault": "502", "commit": True})
    assert made.json() == {**made.json(), "fault": "502", "options": {"commit": True}, "times": 1}
    assert say(caller, number).status_code == 502
    listed = caller.http.get(f"{box.url}/sandbox/faults", timeout=5).json()
    assert (listed["faults"][0]["fired"], listed["fired"]) == (1, {"502": 1})
    caller.control("faults", {"vendor": "zendesk", "fault": "500"})
    caller.http.delete(f"{box.url}/sandbox/faults", timeout=5)
    assert say(caller, number).status_code == 200


def test_slack_may_say_no_inside_a_200(box: Sandbox) -> None:
    headers = {"Authorization": "Bearer xoxb-stand-in"}
    for commit, posts in ((False, 0), (True, 1)):
        box.world.faults.add("slack", "chat.postMessage", "ok_false", error="fatal_error", commit=commit)
        body = {"channel": "C0SUPERVISE", "text": "hello"}
        answer = requests.post(f"{box.url}/api/chat.postMessage", json=body, headers=headers, timeout=5)
        assert (answer.status_code, answer.json()) == (200, {"ok": False, "error": "fatal_error"})
        assert len(box.world.effects("slack", "post")) == posts


def test_jira_commits_and_hangs(box: Sandbox) -> None:
    box.world.faults.add("jira", "*", "hang_after", seconds=1)
    issue = {"fields": {"project": {"key": "SUP"}, "summary": "s", "issuetype": {"name": "Task"}}}
    auth = ("desk@example.com", "stand-in-jira-token")
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{box.url}/rest/api/2/issue", json=issue, auth=auth, timeout=0.2)
    assert len(box.world.effects("jira", "create")) == 1


def test_connections_are_kept_alive_and_an_answer_is_quick(box: Sandbox, caller: Account, number: int) -> None:
    ports = set()
    start = time.monotonic()
    for _ in range(20):
        with caller.http.get(f"{caller.url}/api/v2/tickets/{number}.json", timeout=5, stream=True) as answer:
            ports.add(answer.raw.connection.sock.getsockname()[1])
            answer.json()
    assert len(ports) == 1
    assert time.monotonic() - start < 1.0


def test_stop_leaves_no_caller_hanging(number: int) -> None:
    with Sandbox(Config(limits=False)) as own:
        caller = Account(own.url)
        caller.login()
    with pytest.raises(requests.ConnectionError):
        caller.call("GET", f"tickets/{number}.json")


def test_every_fault_of_the_catalogue_can_act() -> None:
    assert set(ACTIONS) == NAMES

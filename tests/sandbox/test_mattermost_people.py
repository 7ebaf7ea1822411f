"""The stand-in for Mattermost knows people, channels and groups as its server does, and fails as it does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sandbox.mattermost.people import BOT_USER, GROUP_ID, stable
from sandbox.mattermost.state import FOREIGN_CHANNEL
from sandbox.server import Sandbox
from tests.sandbox.mattermost_kit import AISYAH, BOT, CHANNEL, CHEN, box, call, http, made, refusal, server

__all__ = ["box", "server"]  # fixtures


def test_people_as_the_server_shows_them(box: Sandbox) -> None:
    def person(user: str) -> dict[str, Any]:
        return dict(call(box, "GET", f"users/{user}")[1])

    assert (person(AISYAH)["email"], person(AISYAH)["roles"]) == ("aisyah@example.com", "system_user")
    assert "is_bot" not in person(AISYAH)
    assert person(BOT_USER)["is_bot"] is True
    assert person(stable("guest"))["roles"] == "system_guest"
    assert person(stable("gone"))["delete_at"] > 0
    missing = (404, "app.user.missing_account.const")
    assert refusal(box, "GET", f"users/{stable('nobody')}") == missing
    assert refusal(box, "GET", "users/U0AISYAH") == (400, "api.context.invalid_url_param.app_error")
    assert call(box, "GET", "users/username/aisyah")[1]["id"] == AISYAH
    assert refusal(box, "GET", "users/username/none") == (404, "app.user.get_by_username.app_error")
    found = call(box, "POST", "users/ids", [AISYAH, stable("nobody"), CHEN])[1]
    assert [one["id"] for one in found] == [AISYAH, CHEN]
    box.config.update({"mattermost_emails": False})
    assert person(AISYAH)["email"] == ""


def test_channels_and_their_members(box: Sandbox) -> None:
    assert call(box, "GET", f"channels/{CHANNEL}")[1]["name"] == "supervisors"
    assert refusal(box, "GET", f"channels/{stable('none')}") == (404, "app.channel.get.existing.app_error")
    assert refusal(box, "GET", f"channels/{FOREIGN_CHANNEL}") == (403, "api.context.permissions.app_error")
    members = f"channels/{CHANNEL}/members"
    assert call(box, "GET", f"{members}/{AISYAH}")[1]["user_id"] == AISYAH
    away = (404, "app.channel.get_member.missing.app_error")
    for user in ("left", "gone", "nobody"):
        assert refusal(box, "GET", f"{members}/{stable(user)}") == away
    people = box.world.mattermost.people
    people[AISYAH] = replace(people[AISYAH], in_channel=False)
    assert refusal(box, "GET", f"{members}/{AISYAH}") == away
    direct = call(box, "POST", "channels/direct", [BOT_USER, CHEN])
    assert direct[0] == 201
    assert (direct[1]["type"], direct[1]["team_id"]) == ("D", "")
    assert call(box, "POST", "channels/direct", [CHEN, BOT_USER])[1]["id"] == direct[1]["id"]
    assert refusal(box, "POST", "channels/direct", [AISYAH, CHEN]) == (403, "api.context.permissions.app_error")
    assert refusal(box, "POST", "channels/direct", [BOT_USER]) == (400, "api.context.invalid_body_param.app_error")
    made(box, channel_id=direct[1]["id"])
    assert [e["kind"] for e in box.world.applied] == ["direct"]


def test_the_group_of_approvers(box: Sandbox) -> None:
    path = f"groups/{GROUP_ID}/members"
    found = call(box, "GET", path)[1]
    assert ([one["id"] for one in found["members"]], found["total_member_count"]) == ([AISYAH, stable("bala")], 2)
    assert [one["id"] for one in call(box, "GET", f"{path}?per_page=1&page=1")[1]["members"]] == [stable("bala")]
    assert refusal(box, "GET", f"groups/{stable('none')}/members") == (404, "app.group.no_rows")
    box.config.update({"mattermost_groups": "unlicensed"})
    assert refusal(box, "GET", path) == (501, "api.ldap_groups.license_error")
    box.config.update({"mattermost_groups": "forbidden"})
    assert refusal(box, "GET", path) == (403, "api.context.permissions.app_error")


def test_the_rate_limit_is_off_and_answers_in_plain_text(box: Sandbox) -> None:
    for _ in range(110):
        assert call(box, "GET", "users/me")[0] == 200
    box.config.update({"mattermost_rate": 0.001})
    answers = [http.request("GET", f"{box.url}/api/v4/users/me", headers=BOT) for _ in range(102)]
    refused = [answer for answer in answers if answer.status == 429]
    assert 1 <= len(refused) <= 102
    assert refused[-1].data == b"limit exceeded\n"
    assert refused[-1].headers["Content-Type"].startswith("text/plain")
    assert int(refused[-1].headers["X-RateLimit-Reset"]) >= 1


def test_faults_speak_as_the_server_does(box: Sandbox) -> None:
    for code, error in ((401, "session_expired"), (403, "permissions")):
        box.world.faults.add("mattermost", "users.me", str(code))
        assert refusal(box, "GET", "users/me") == (code, f"api.context.{error}.app_error")
    box.world.faults.add("mattermost", "users.me", "429", retry_after="7")
    answer = http.request("GET", f"{box.url}/api/v4/users/me", headers=BOT)
    assert (answer.status, answer.data, answer.headers["Retry-After"]) == (429, b"limit exceeded\n", "7")
    box.world.faults.add("mattermost", "posts.create", "503_after")
    assert http.request("POST", f"{box.url}/api/v4/posts", json={"channel_id": CHANNEL}, headers=BOT).status == 503
    assert len(box.world.effects("mattermost", "post")) == 1
    box.world.faults.add("mattermost", "channels.posts", "readback_stale", times=1)
    made(box)
    assert len(call(box, "GET", f"channels/{CHANNEL}/posts")[1]["order"]) == 1
    assert len(call(box, "GET", f"channels/{CHANNEL}/posts")[1]["order"]) == 2

"""The stand-in for Mattermost keeps posts as its server does: pending ids, patches, deletions, threads, look-ups."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import urllib3

from sandbox.mattermost.people import BOT_USER, stable
from sandbox.mattermost.state import FOREIGN_CHANNEL
from sandbox.server import Sandbox
from tests.sandbox.mattermost_kit import AISYAH, BOT, CHANNEL, attached, box, button, call, http, made, refusal, server

__all__ = ["box", "server"]  # fixtures


def test_a_call_needs_a_session(box: Sandbox) -> None:
    expired = (401, "api.context.session_expired.app_error")
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic stand-in-mattermost"}):
        assert refusal(box, "GET", "users/me", headers=headers) == expired
        body = {"channel_id": CHANNEL, "message": "x"}
        assert refusal(box, "POST", "posts", body, headers) == expired
    gone = {"Authorization": f"Bearer session-{stable('gone')}"}
    assert refusal(box, "GET", "users/me", headers=gone) == expired
    assert box.world.applied == []
    assert call(box, "GET", "users/me")[1]["id"] == BOT_USER
    person = {"Authorization": f"Bearer session-{AISYAH}"}
    assert call(box, "GET", "users/me", headers=person)[1]["username"] == "aisyah"
    assert refusal(box, "GET", "nowhere") == (404, "api.context.404.app_error")


def test_what_an_integration_is_sent_is_never_shown(box: Sandbox) -> None:
    post = made(box, props={"attachments": attached(button()), "desk_op": "op-1", "desk_case": "7"})
    assert post["props"]["desk_op"] == "op-1"
    found = [
        post,
        call(box, "GET", f"posts/{post['id']}")[1],
        call(box, "GET", f"posts/{post['id']}/thread")[1]["posts"][post["id"]],
        call(box, "GET", f"channels/{CHANNEL}/posts?since=1")[1]["posts"][post["id"]],
        call(box, "PUT", f"posts/{post['id']}/patch", {"message": "new"})[1],
    ]
    for one in found:
        assert one["props"]["attachments"][0]["actions"] == [{"id": "approve", "name": "Approve", "type": "button"}]
    assert "secret" not in http.request("GET", f"{box.url}/sandbox/state").data.decode()
    assert [(e["kind"], e["op"]) for e in box.world.effects("mattermost")] == [("post", "op-1"), ("update", "op-1")]


def test_one_pending_id_is_one_post(box: Sandbox) -> None:
    body = {"pending_post_id": f"{BOT_USER}:op-1"}
    first = made(box, **body)
    assert made(box, **body)["id"] == first["id"]
    assert made(box, **body, message="other")["message"] == "card"
    assert made(box, pending_post_id=f"{BOT_USER}:op-2")["id"] != first["id"]
    assert made(box)["id"] != made(box)["id"]
    assert len(box.world.effects("mattermost", "post")) == 4
    known = box.world.mattermost.pending[body["pending_post_id"]]
    box.world.mattermost.pending[body["pending_post_id"]] = (known[0] - 31, known[1])
    second = made(box, **body)["id"]
    assert second != first["id"]  # thirty seconds later nobody remembers
    box.config.update({"mattermost_dedupe": False})
    try:
        assert made(box, **body)["id"] not in (first["id"], second)
    finally:
        box.config.update({"mattermost_dedupe": True})


def test_the_same_pending_id_while_the_first_is_being_saved(box: Sandbox) -> None:
    box.world.faults.add("mattermost", "posts.create", "late_commit", seconds=1.0)
    body = {"channel_id": CHANNEL, "message": "card", "pending_post_id": "one:1"}

    def lost() -> None:
        with pytest.raises(urllib3.exceptions.HTTPError):
            http.request("POST", f"{box.url}/api/v4/posts", json=body, headers=BOT)

    first = threading.Thread(target=lost)
    first.start()
    assert box.world.wait_until(lambda: box.world.faults.fired["late_commit"])
    assert refusal(box, "POST", "posts", body) == (500, "api.post.deduplicate_create_post.pending")
    first.join()
    assert len(box.world.effects("mattermost", "post")) == 1
    assert call(box, "POST", "posts", body)[1]["id"] == box.world.effects("mattermost", "post")[0]["target"]
    box.world.faults.add("mattermost", "posts.create", "503_before")
    failed = {**body, "pending_post_id": "one:2"}
    assert http.request("POST", f"{box.url}/api/v4/posts", json=failed, headers=BOT).status == 503
    assert call(box, "POST", "posts", failed)[0] == 201  # a create that failed leaves nothing behind
    assert len(box.world.effects("mattermost", "post")) == 2


def test_posts_that_are_refused(box: Sandbox) -> None:
    def create(**body: Any) -> tuple[int, str]:
        return refusal(box, "POST", "posts", {"channel_id": CHANNEL, "message": "x", **body})

    props = (400, "model.post.is_valid.props.app_error")
    assert create(message="x" * 16_384) == (400, "model.post.is_valid.message_length.app_error")
    assert create(props={"much": "x" * 800_001}) == props
    assert create(channel_id=FOREIGN_CHANNEL) == (403, "api.context.permissions.app_error")
    assert create(channel_id=stable("nowhere")) == (403, "api.context.permissions.app_error")
    root = (400, "api.post.create_post.root_id.app_error")
    assert create(root_id=stable("nothing")) == root
    reply = made(box, root_id=made(box)["id"])
    assert create(root_id=reply["id"]) == root
    direct = call(box, "POST", "channels/direct", [BOT_USER, AISYAH])[1]["id"]
    other = made(box, channel_id=direct)
    assert create(root_id=other["id"]) == (400, "api.post.create_post.channel_root_id.app_error")
    for wrong in (
        {"id": "false_alarm"},
        {"id": ""},
        {"name": ""},
        {"type": "link"},
        {"style": "loud"},
        {"integration": {"url": "nowhere"}},
    ):
        assert create(props={"attachments": attached({**button(), **wrong})}) == props
    assert create(props={"attachments": attached(button(), button())}) == props
    assert create(props={"attachments": attached(button(style="#ff0000")), "x": 1}, message="x" * 16_384)[0] == 400
    assert len(box.world.effects("mattermost", "post")) == 2  # the root and its reply


def test_a_patch_replaces_all_props(box: Sandbox) -> None:
    post = made(box, props={"attachments": attached(button()), "desk_op": "op-1"})
    path = f"posts/{post['id']}/patch"
    only_text = call(box, "PUT", path, {"message": "text"})[1]
    assert (only_text["message"], only_text["props"]["desk_op"]) == ("text", "op-1")
    assert only_text["edit_at"] > post["create_at"]
    changed = call(box, "PUT", path, {"props": {"attachments": attached(text="Done")}})[1]
    assert (changed["message"], set(changed["props"])) == ("text", {"attachments"})
    assert call(box, "PUT", path, {"props": {}})[1]["props"] == {}
    denied = (403, "api.context.permissions.app_error")
    theirs = box.url + "/sandbox/mattermost/say"
    said = http.request("POST", theirs, json={"user": AISYAH, "text": "hello"}).json()["id"]
    assert refusal(box, "PUT", f"posts/{said}/patch", {"message": "mine"}) == denied
    assert refusal(box, "PUT", f"posts/{stable('nothing')}/patch", {"message": "x"}) == denied
    assert refusal(box, "PUT", "posts/short/patch", {"message": "x"}) == (
        400,
        "api.context.invalid_url_param.app_error",
    )
    assert len(box.world.effects("mattermost", "update")) == 3


def test_a_deleted_post_is_gone_but_for_since(box: Sandbox) -> None:
    root = made(box)
    reply = made(box, root_id=root["id"])
    assert call(box, "DELETE", f"posts/{root['id']}") == (200, {"status": "OK"})
    gone = (404, "app.post.get.app_error")
    for path in (f"posts/{root['id']}", f"posts/{root['id']}/thread", f"posts/{reply['id']}"):
        assert refusal(box, "GET", path) == gone
    denied = (403, "api.context.permissions.app_error")
    assert refusal(box, "DELETE", f"posts/{root['id']}") == denied
    assert refusal(box, "PUT", f"posts/{root['id']}/patch", {"message": "x"}) == denied
    assert call(box, "GET", f"channels/{CHANNEL}/posts")[1]["order"] == []
    changed = call(box, "GET", f"channels/{CHANNEL}/posts?since={reply['update_at']}")[1]
    assert set(changed["order"]) == {root["id"], reply["id"]}
    assert all(post["delete_at"] > 0 for post in changed["posts"].values())
    assert http.request("GET", f"{box.url}/sandbox/state").json()["mattermost"]["posts"] == []


def test_looking_back_by_since_and_by_page(box: Sandbox) -> None:
    first = made(box, message="1")
    time.sleep(0.01)
    middle = int(time.time() * 1000)
    time.sleep(0.01)
    posts = [made(box, message=str(n)) for n in (2, 3, 4)]
    since = call(box, "GET", f"channels/{CHANNEL}/posts?since={middle}")[1]
    assert since["order"] == [p["id"] for p in reversed(posts)]
    call(box, "PUT", f"posts/{first['id']}/patch", {"message": "1!"})
    since = call(box, "GET", f"channels/{CHANNEL}/posts?since={middle}")[1]
    assert since["order"] == [*(p["id"] for p in reversed(posts)), first["id"]]  # by when it was made, not changed
    page = call(box, "GET", f"channels/{CHANNEL}/posts?per_page=3")[1]
    assert page["order"] == [p["id"] for p in reversed(posts)]
    assert (page["prev_post_id"], page["next_post_id"]) == (first["id"], "")
    page = call(box, "GET", f"channels/{CHANNEL}/posts?per_page=3&page=1")[1]
    assert (page["order"], page["next_post_id"]) == ([first["id"]], posts[0]["id"])
    reply = made(box, root_id=first["id"])
    thread = call(box, "GET", f"posts/{reply['id']}/thread")[1]
    assert thread["order"] == [reply["id"], first["id"]]
    assert refusal(box, "GET", f"channels/{FOREIGN_CHANNEL}/posts") == (403, "api.context.permissions.app_error")

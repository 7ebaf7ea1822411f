"""Zendesk's documented and recorded bodies go through the door and are taken or ignored as they should be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from doorkit import FakeDesk, deliver
from flask.testing import FlaskClient

SPECS = Path(__file__).parents[3] / "shared" / "specs" / "zendesk" / "payloads"
here = pytest.mark.skipif(not SPECS.exists(), reason="the vendors' recorded payloads are not beside this repository")


@here
def test_events(client: FlaskClient, desk: FakeDesk) -> None:
    for path in sorted((SPECS / "events").glob("*.json")):
        desk.clear()
        assert deliver(client, path.read_bytes()).status_code == 200, path.name
        assert len(desk.kinds) == 1, path.name
        assert desk.kinds[0].split()[0] in ("ignored", "dead"), (path.name, desk.kinds)  # none carries a tag of ours


@here
def test_tags_changed_with_our_tag_is_taken(client: FlaskClient, desk: FakeDesk) -> None:
    body = json.loads((SPECS / "events" / "CONSTRUCTED_ticket.tags_changed.json").read_text())
    body["detail"]["tags"] = ["data_deletion_request", "keep_me"]
    for shape in ({"tags_added": ["data_deletion_request"]}, {"added": {"tags": ["data_deletion_request"]}}):
        desk.clear()
        body["event"] = {"meta": body["event"]["meta"], **shape}
        assert deliver(client, json.dumps(body, indent=3).encode()).status_code == 200
        (event,) = desk.rows
        assert (event.ticket_id, event.tags, event.added) == (
            5158,
            ("data_deletion_request",),
            ("data_deletion_request",),
        )


@here
def test_every_other_document_is_refused_without_harm(client: FlaskClient, desk: FakeDesk) -> None:
    paths = sorted(SPECS.rglob("*.json"))
    assert len(paths) > 100
    for path in paths:
        desk.clear()
        assert deliver(client, path.read_bytes()).status_code in (200, 413), path.name
        assert all(kind.split()[0] in ("ignored", "dead") for kind in desk.kinds), (path.name, desk.kinds)

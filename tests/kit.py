"""What tests of the procedure say often: what really reached the vendors for one ticket, and what people do to it."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.clients.chat import Card, Section
from sandbox.mattermost.people import stable
from sandbox.mattermost.state import URGENT_CHANNEL
from sandbox.zendesk.delivery import signed
from tests.house import House
from tests.rooms import Message, room_of

REQUEST = "Data Deletion Request"
CONSENT = "Acknowledgement Consent on Promotional Calls"
TEAM_CHANNELS = {stable("supervisors"), URGENT_CHANNEL}
ZENDESK_SECRET = "stand-in-zendesk-webhook"


def card(text: str) -> Card:
    """A message of one line."""
    return Card((Section(((text,),)),))


@dataclass(frozen=True)
class Sent:
    """How often each outward thing happened for one ticket, counted at the stand-ins, never in the desk's own books."""

    mails: int = 0
    cards: int = 0
    issues: int = 0
    comments: int = 0
    links: int = 0


NOTHING = Sent()


def sent(house: House, ticket: int) -> Sent:
    """What reached the customer, the supervisors and JIRA because of this ticket."""
    world = house.sandbox.world
    with world.lock:
        desk = world.zendesk.desk_user_id
        mails = [m for m in world.effects("zendesk", "mail") if m["target"] == str(ticket) and m["actor_id"] == desk]
        issues = [issue for issue in world.jira.issues.values() if f"#{ticket})" in issue.summary]
        keys = {issue.key for issue in issues}
        comments = [
            c for c in world.effects("jira", "comment") if c["target"] in keys and c.get("by", "desk") == "desk"
        ]
        links = [link for issue in issues for link in issue.links]
    return Sent(len(mails), len(cards_of(house, ticket)), len(issues), len(comments), len(links))


def cards_of(house: House, ticket: int) -> list[dict[str, Any]]:
    """Every message in the channel about this ticket, with or without buttons."""
    link = re.compile(rf"#{ticket}[>\]]")  # the end of a link's label, or of the link, in either chat
    return [m for m in house.messages() if not m["ephemeral_to"] and link.search(_written(m))]


def _written(message: Message) -> str:
    return message["text"] if "text" in message else room_of(message).raw(message)


def buttons(message: Message) -> list[str]:
    """The action ids that the message still offers."""
    return room_of(message).buttons(message)


def text_of(message: Message) -> str:
    """What people read in this message, in either chat."""
    return room_of(message).text(message)


def card_of(house: House, ticket: int) -> dict[str, Any]:
    """The one message about this ticket."""
    found = cards_of(house, ticket)
    assert len(found) == 1, f"{len(found)} cards about {ticket}"
    return found[0]


def issue_of(house: House, ticket: int) -> dict[str, Any]:
    found = [issue for issue in house.issues() if f"#{ticket})" in issue["summary"]]
    assert len(found) == 1, f"{len(found)} issues about {ticket}"
    return found[0]


def arrivals(house: House) -> int:
    """How many writes have reached any vendor."""
    return len([a for a in list(house.sandbox.world.arrivals) if a["verb"] != "GET" and writes(a)])


def writes(arrival: dict[str, Any]) -> bool:
    """Whether this request changes something (Slack reads by POST too), beside telling one person something."""
    reads = ("conversations.", "users.", "auth.", "apps.", "oauth.", "search", "chat.postEphemeral", "channels.")
    told = arrival["method"] == "posts.create" and arrival["body"].get("channel_id") not in TEAM_CHANNELS
    return not told and not str(arrival["method"]).startswith(reads)


def edit(house: House, ticket: int, **fields: str) -> None:
    """An agent fills in fields of the ticket."""
    house.call(f"/sandbox/tickets/{ticket}/fields", fields)


def customer_says(house: House, ticket: int, text: str = "Any news?") -> None:
    house.call(f"/sandbox/tickets/{ticket}/comment", {"body": text, "author": "customer"})


def agent_says(house: House, ticket: int, text: str = "Looking into it.") -> None:
    house.call(f"/sandbox/tickets/{ticket}/comment", {"body": text, "public": False})


def agent_id(house: House, email: str) -> int:
    return next(int(a["id"]) for a in house.shown("zendesk")["agents"] if a["email"] == email)


def next_second() -> None:
    """Zendesk's times are whole seconds: what comes now is another fact, and a later one than what has been."""
    time.sleep(1.05 - time.time() % 1)


def retag(house: House, ticket: int, tag: str = "data_deletion_request") -> None:
    """The agent takes the tag off and puts it on again, not within the second of an earlier update (facts Z3.3)."""
    next_second()
    house.untag(ticket, tag)
    house.settle()
    house.tag(ticket, tag)


def next_round(house: House, ticket: int, generation: int, state: str = "awaiting") -> dict[str, Any]:
    """Until the ticket's case of this generation is in this state and nothing is running."""
    query = "SELECT * FROM cases WHERE ticket_id = %s AND generation = %s AND state = %s"
    house.wait(lambda: house.rows(query, ticket, generation, state), 20, f"round {generation} is {state}")
    house.settle()
    return house.case(ticket)


def generations(house: House, ticket: int) -> int:
    return len(house.rows("SELECT 1 FROM cases WHERE ticket_id = %s", ticket))


def events_of(house: House, ticket: int) -> list[dict[str, Any]]:
    return house.rows("SELECT * FROM events WHERE ticket_id = %s ORDER BY id", ticket)


def press_body(house: House, ticket: int, action: str, user: str = "aisyah", **more: Any) -> dict[str, Any]:
    """A press on the ticket's one card, as `House.pressed`; answers {status, ...}."""
    return house.pressed(action, user, card_of(house, ticket), **more)


def told(house: House, user: str, words: str, times: int = 1) -> None:
    """Until this person alone was told these words, exactly so often."""
    house.wait(lambda: _heard(house, user, words) >= times, what=f"{user} is told {words!r}")
    house.settle()
    assert _heard(house, user, words) == times, house.answers(user)


def _heard(house: House, user: str, words: str) -> int:
    return len([text for text in house.answers(user) if words in text])


def template_body(ticket: int, *tags: str, actor: int | str | None = None, at: str | None = None) -> bytes:
    """Our trigger's body; `actor` None: the trigger's author left the placeholder out."""
    body: dict[str, Any] = {"type": "desk.tag", "ticket_id": str(ticket), "tags": " ".join(tags)}
    body["updated_at"] = at or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if actor is not None:
        body["actor_id"] = str(actor)
    return json.dumps(body).encode()


def deliver(house: House, body: bytes, invocation: str = "01J00000000000000000000001") -> int:
    """One signed delivery by the real door; its status."""
    headers = {"Content-Type": "application/json", "X-Zendesk-Webhook-Invocation-Id": invocation}
    headers |= signed(ZENDESK_SECRET, body, datetime.now(UTC))
    request = urllib.request.Request(f"{house.url}/webhooks/zendesk", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def quiet_for(house: House, seconds: float = 0.6) -> None:
    """Time enough for something to happen that must not; then everything has settled."""
    time.sleep(seconds)
    house.settle()


def together(*acts: Any) -> None:
    """All at the same moment, each in a thread; an error of any is raised."""
    ready, errors = threading.Barrier(len(acts)), []

    def run(act: Any) -> None:
        try:
            ready.wait(5)
            act()
        except BaseException as error:  # noqa: BLE001 - shown by the thread of the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert errors == []

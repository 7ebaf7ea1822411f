"""The vendors' own vectors, the exact ends of the window, and forms that other clocks accept but we do not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from doorkit import jira_headers, slack_headers, zendesk_headers

from app import verify
from app.errors import BadSignatureError
from app.settings import PUBLIC_TEST_SECRET

NOW = int(datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC).timestamp())
STAMP = "2026-11-21T10:00:00Z"
BODY = b'{"ticket_id":1}'
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)


def refused(call: object, *args: object) -> str:
    with pytest.raises(BadSignatureError) as caught:
        call(*args)  # type: ignore[operator]
    return caught.value.reason


def zendesk(when: str, now: float = NOW, secrets: tuple[str, ...] = ("s",), body: bytes = BODY) -> object:
    return verify.zendesk(body, zendesk_headers(body, when, "s").items(), secrets, now, 300)


def test_zendesk_vector() -> None:  # Z1.12; its secret is public, so the door itself must refuse it (Z1.13)
    body, when = b'{"event":"ticket.updated","id":123}', "2021-03-25T05:09:27Z"
    headers = zendesk_headers(body, when, PUBLIC_TEST_SECRET)
    assert headers[verify.ZENDESK_SIGNATURE] == "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM="
    now = datetime(2021, 3, 25, 5, 9, 27, tzinfo=UTC).timestamp()
    assert refused(verify.zendesk, body, headers.items(), (PUBLIC_TEST_SECRET,), now, 300) == "closed"
    assert refused(verify.zendesk, body, headers.items(), ("s", PUBLIC_TEST_SECRET), now, 300) == "wrong"


def test_slack_vector() -> None:  # S2
    secret, mac = "8f742231b10e8888abcd99yyyzzz85a5", "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    headers = [("x-slack-signature", f"v0={mac}"), ("x-slack-request-timestamp", "1531420618")]
    assert verify.slack(SLACK_BODY, headers, (secret,), 1531420618, 300) == 0
    assert refused(verify.slack, SLACK_BODY, headers, (secret,), 1531420618 + 301, 300) == "stale"


def test_jira_vector() -> None:  # J36
    mac = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    secret = "It's a Secret to Everybody"
    assert verify.jira(b"Hello World!", [("X-Hub-Signature", f"sha256={mac}")], ("new", secret)) == 1
    for value in (mac, f"sha1={mac}", f"sha256={mac.upper()}", f"SHA256={mac}", f"sha256={mac} "):
        assert refused(verify.jira, b"Hello World!", [("X-Hub-Signature", value)], (secret,)) == "wrong"


@pytest.mark.parametrize(("offset", "fine"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_both_ends_of_the_window(offset: int, fine: bool) -> None:  # W024
    if fine:
        assert zendesk(STAMP, NOW + offset + 0.4) == 0
    else:
        assert refused(zendesk, STAMP, NOW + offset + 0.4) == "stale"


@pytest.mark.parametrize(
    "when",
    ["2026-11-21T10:00:60Z", "2026-11-21T24:00:00Z", "0000-11-21T10:00:00Z", "2026-02-30T10:00:00Z",
     "2026-11-21T10:00:00+99:00", "2026-11-21T10:00:00Z\n", "2026-11-21T10:00:0", "2026-11-21t10:00:00z",
     "2026-11-21 10:00:00Z", "٢٠٢٦-11-21T10:00:00Z", "2026-11-21T10:00:00.0Z", "1795255200", ""],
)  # fmt: skip
def test_zendesk_timestamp_forms(when: str) -> None:  # W026-W031
    assert refused(zendesk, when) == "malformed"


def test_far_away_years() -> None:  # W029
    assert refused(zendesk, "9999-12-31T23:59:59Z") == "stale"
    assert refused(zendesk, "0001-01-01T00:00:00Z") == "stale"


def test_bytes_moved_across_the_boundary() -> None:  # W031
    signature = zendesk_headers(b"0Z" + BODY, "2026-11-21T10:00:0", "s")
    moved = [*signature.items()]
    assert refused(verify.zendesk, b"0Z" + BODY, moved, ("s",), NOW, 300) == "malformed"


@pytest.mark.parametrize("when", ["1e9", " 1700000000", "1700000000.0", "-1700000000", "1" * 20, "١٧٠٠٠٠٠٠٠٠", ""])
def test_slack_timestamp_forms(when: str) -> None:  # S004
    headers = slack_headers(b"x", when, "s")
    assert refused(verify.slack, b"x", headers.items(), ("s",), 1_700_000_000, 300) == "malformed"


def test_exactly_one_value_of_each_header() -> None:  # W014
    good = [*zendesk_headers(BODY, STAMP, "s").items()]
    for name in (verify.ZENDESK_SIGNATURE, verify.ZENDESK_TIMESTAMP):
        twice = [*good, (name.upper(), dict(good)[name])]
        assert refused(verify.zendesk, BODY, twice, ("s",), NOW, 300) == "missing"
        without = [pair for pair in good if pair[0] != name]
        assert refused(verify.zendesk, BODY, without, ("s",), NOW, 300) == "missing"


def test_every_secret_is_tried_and_compared(monkeypatch: pytest.MonkeyPatch) -> None:  # W033, W035
    compared = []
    real = verify.hmac.compare_digest

    def spy(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return real(left, right)

    monkeypatch.setattr(verify.hmac, "compare_digest", spy)
    assert zendesk(STAMP, secrets=("new", "s", "older")) == 1
    assert len(compared) == 3
    assert all(isinstance(side, bytes) for pair in compared for side in pair)


def test_an_empty_or_public_secret_beside_a_good_one_opens_nothing() -> None:
    for secrets in (("s", ""), ("s", PUBLIC_TEST_SECRET)):
        headers = zendesk_headers(BODY, STAMP, "").items()
        assert refused(verify.zendesk, BODY, headers, secrets, NOW, 300) == "wrong"
    empty = slack_headers(BODY, str(NOW), "").items()
    assert refused(verify.slack, BODY, empty, ("s", ""), NOW, 300) == "wrong"
    assert refused(verify.jira, BODY, jira_headers(BODY, "").items(), ("s", "")) == "wrong"


def test_closed_without_a_secret() -> None:
    empty = zendesk_headers(BODY, STAMP, "")  # what anyone can compute when the secret is empty
    for secrets in ((), ("",)):
        assert refused(verify.zendesk, BODY, empty.items(), secrets, NOW, 300) == "closed"
        assert refused(verify.slack, BODY, slack_headers(BODY, str(NOW), "").items(), secrets, NOW, 300) == "closed"
        assert refused(verify.jira, BODY, jira_headers(BODY, "").items(), secrets) == "closed"

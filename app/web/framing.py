"""Where a request ends in the bytes of a connection. Pure; used by app.web.server before gunicorn's own parser."""

from __future__ import annotations

import re

UNREAD = -1
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,12})[ \t]*(?=\r\n)", re.IGNORECASE)
_FRAMED = re.compile(rb"\r\n(content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)


def missing(received: bytes | bytearray, max_body: int) -> int | None:
    """Bytes still to come; None: the head has not ended yet.

    UNREAD: not to be read any further (too large, chunked, or a length that is not one): the guard or gunicorn's parser
    will refuse it, and the connection must not be used again.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(received[: end + 2])
    framed = _FRAMED.findall(head)
    if not framed:
        return 0
    lengths = _LENGTH.findall(head)
    if len(framed) != 1 or len(lengths) != 1 or int(lengths[0]) > max_body:
        return UNREAD
    return max(0, end + 4 + int(lengths[0]) - len(received))


def expects_continue(received: bytes | bytearray) -> bool:
    return _EXPECTS.search(received) is not None


def refusal(status: str, code: str) -> bytes:
    """A whole answer for what never reaches the application; `status` with its phrase."""
    body = f'{{"error":"{code}"}}'
    return (
        f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"\r\n{body}"
    ).encode()

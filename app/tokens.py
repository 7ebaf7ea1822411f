"""What a button carries: which case, which generation, which answer, signed by us and good for 72 hours.

itsdangerous signs with the time of posting; the token holds ids only. Source: bad-inputs S020, S022, S024.
"""

from __future__ import annotations

from dataclasses import dataclass

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from app.errors import BadPayloadError

MAX_LENGTH = 2000  # Slack's limit for a button's value


@dataclass(frozen=True)
class Press:
    """The meaning of one button."""

    case_id: int
    generation: int
    card: str
    action: str


class Tokens:
    """Makes and reads button tokens; `key` is SECRET_KEY."""

    def __init__(self, key: str, life: int) -> None:
        self._serializer = URLSafeTimedSerializer(key, salt="deletion-desk.button")
        self._life = life

    def make(self, press: Press) -> str:
        return str(self._serializer.dumps([press.case_id, press.generation, press.card, press.action]))

    def read(self, value: object) -> Press:
        """Raises BadPayloadError, reason `token_expired` or `token_forged`."""
        if not isinstance(value, str) or not value.isascii() or not 0 < len(value) <= MAX_LENGTH:
            raise BadPayloadError("button value is not ours", "token_forged")
        try:
            case_id, generation, card, action = self._serializer.loads(value, max_age=self._life)
            return Press(int(case_id), int(generation), str(card), str(action))
        except SignatureExpired:
            raise BadPayloadError("button is too old", "token_expired") from None
        except (BadData, ValueError, TypeError):
            raise BadPayloadError("button value is not ours", "token_forged") from None

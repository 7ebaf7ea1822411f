"""What a button and a form carry: which case, which round, which answer, what was seen; signed by us, with an end.

itsdangerous signs with the time of making; a token holds ids and a keyed hash only.
Source: bad-inputs S020, S022, S024, M003, M017.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from app.errors import BadPayloadError

MAX_LENGTH = 2000  # Slack's limit for a button's value
FORM_LIFE = 3600  # seconds in which an opened form may be sent


@dataclass(frozen=True)
class Press:
    """The meaning of one button. `channel`: where the card was posted; `seen`: keyed hash of what the card says.

    Both are '' in buttons of releases before approvals were bound to them.
    """

    case_id: int
    generation: int
    card: str
    action: str
    channel: str = ""
    seen: str = ""


@dataclass(frozen=True)
class Opened:
    """A form that was opened by a press: of that button, by this user, on this message. `press`: the press's own id."""

    button: Press
    user: str
    ts: str
    press: str


class Tokens:
    """Makes and reads tokens; `key` is SECRET_KEY, `life` the seconds a button can be pressed."""

    def __init__(self, key: str, life: int) -> None:
        self._buttons = URLSafeTimedSerializer(key, salt="deletion-desk.button")
        self._forms = URLSafeTimedSerializer(key, salt="deletion-desk.form")
        self._life = life

    def make(self, press: Press) -> str:
        return str(self._buttons.dumps(astuple(press)))

    def read(self, value: object) -> Press:
        """Raises BadPayloadError, reason `token_expired` or `token_forged`."""
        return _press(_loaded(self._buttons, value, self._life))

    def make_form(self, opened: Opened) -> str:
        return str(self._forms.dumps([list(astuple(opened.button)), opened.user, opened.ts, opened.press]))

    def read_form(self, value: object) -> Opened:
        """Raises BadPayloadError, reason `token_expired` or `token_forged`."""
        loaded = _loaded(self._forms, value, FORM_LIFE)
        if len(loaded) != 4 or not isinstance(loaded[0], list):
            raise _forged()
        return Opened(_press(loaded[0]), *(str(part) for part in loaded[1:]))


def _loaded(serializer: URLSafeTimedSerializer, value: object, life: int) -> list[object]:
    if not isinstance(value, str) or not value.isascii() or not 0 < len(value) <= MAX_LENGTH:
        raise _forged()
    try:
        loaded = serializer.loads(value, max_age=life)
    except SignatureExpired:
        raise BadPayloadError("button is too old", "token_expired") from None
    except (BadData, ValueError, TypeError):
        raise _forged() from None
    if not isinstance(loaded, list):
        raise _forged()
    return loaded


def _press(values: list[object]) -> Press:
    """Four parts in an older release's buttons, six in ours."""
    if len(values) not in (4, 6):
        raise _forged()
    case_id, generation, *rest = values
    if not isinstance(case_id, int) or not isinstance(generation, int):
        raise _forged()
    return Press(case_id, generation, *(str(part) for part in rest))


def _forged() -> BadPayloadError:
    return BadPayloadError("button value is not ours", "token_forged")

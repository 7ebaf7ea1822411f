"""What the controls of all stand-ins share: what people do on the page arrives as JSON, a wrong request is told so."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue


class ControlError(Exception):
    """A control that can't be carried out; the text is for the person at the page."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def refused(error: ControlError) -> ResponseReturnValue:
    """The answer to a control that can't be carried out."""
    return jsonify({"error": str(error)}), error.status


def control_body() -> dict[str, Any]:
    """The request's JSON object. Raises ControlError when it has none."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ControlError(400, "a JSON object is needed")
    return body

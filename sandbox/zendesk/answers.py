"""Small helpers of the views: routes with and without `.json`, the bearer check, Zendesk's two ways of paging."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from flask import Blueprint, Response, request

from sandbox.core import endpoint, the_world
from sandbox.zendesk.model import RefusedError
from sandbox.zendesk.state import State

View = Callable[..., Any]
PER_PAGE = 100


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON as Zendesk sends it."""
    text = json.dumps(body, ensure_ascii=False)
    return Response(text, status, headers, content_type="application/json; charset=utf-8")


def account() -> State:
    """The state of this request (a stale copy while that fault acts)."""
    return the_world().zendesk


def api(bp: Blueprint, verb: str, path: str, method: str, scope: str | None) -> Callable[[View], View]:
    """Serve `path` and `path.json` under the name `method`; the bearer needs `scope`."""

    def wrap(view: View) -> View:
        @endpoint("zendesk", method)
        @wraps(view)
        def served(*args: Any, **kwargs: Any) -> Any:
            try:
                if scope:
                    account().check_token(request.headers.get("Authorization", ""), scope)
                return view(*args, **kwargs)
            except RefusedError as refused:
                return answer(refused.body, refused.status)

        for rule in (path, f"{path}.json"):
            bp.add_url_rule(rule, endpoint=method.replace(".", "_"), view_func=served, methods=[verb])
        return view

    return wrap


def given(key: str | None = None) -> dict[str, Any]:
    """The request's JSON object, or the object under `key` in it."""
    body = request.get_json(silent=True)
    part = body.get(key) if key and isinstance(body, dict) else body
    if not isinstance(part, dict):
        text = "Invalid attribute" if key else "The request body is not valid JSON"
        raise RefusedError(
            400, {"error": {"title": text, "message": f"You passed an invalid value for the {key} attribute."}}
        )
    return part


def paged(name: str, items: Sequence[dict[str, Any]], *, cursor: bool = True) -> dict[str, Any]:
    """A list, by cursor when `page[size]` is asked for (and this list has cursors), else by offset."""
    size = request.args.get("page[size]", type=int) if cursor else None
    base = request.base_url
    if size is not None:
        return _by_cursor(name, items, max(1, min(size, PER_PAGE)), base)
    per = max(1, min(request.args.get("per_page", PER_PAGE, type=int), PER_PAGE))
    page = max(1, request.args.get("page", 1, type=int))
    shown = items[(page - 1) * per : page * per]
    more = page * per < len(items)
    kept = "".join(f"&{k}={v}" for k, v in request.args.items() if k not in {"page", "per_page"})
    return {
        name: list(shown),
        "count": len(items),
        "next_page": f"{base}?page={page + 1}&per_page={per}{kept}" if more else None,
        "previous_page": f"{base}?page={page - 1}&per_page={per}{kept}" if page > 1 else None,
    }


def _by_cursor(name: str, items: Sequence[dict[str, Any]], size: int, base: str) -> dict[str, Any]:
    after = request.args.get("page[after]")
    start = int(base64.urlsafe_b64decode(after.encode())) if after else 0
    end = start + size

    def cursor(position: int) -> str:
        return base64.urlsafe_b64encode(str(position).encode()).decode()

    more = end < len(items)
    link = f"{base}?page[size]={size}&page[after]="
    return {
        name: list(items[start:end]),
        "meta": {
            "has_more": more,
            "after_cursor": cursor(end) if more else None,
            "before_cursor": cursor(start) if start else None,
        },
        "links": {"next": link + cursor(end) if more else None, "prev": None},
    }

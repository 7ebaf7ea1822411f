"""The pages for admins, under /admin: who they are is asked here, what they see is in app/admin/pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Blueprint

    from app.web.door import Door


def blueprint(door: Door) -> Blueprint:
    """All routes under /admin. Nothing of it is imported before: the command line uses the parts without the pages."""
    from flask import Blueprint

    from app.admin import guard, login, pages, shown

    routes = Blueprint(
        "admin",
        __name__,
        url_prefix="/admin",
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )
    shown.register(routes)
    for part in (login, pages):
        part.register(routes, door)
    routes.record_once(guard.check_all)
    return routes

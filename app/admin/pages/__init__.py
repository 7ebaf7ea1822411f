"""The admin pages: made on the server, complete without JavaScript. GET looks, POST acts, checked for the role.

Each module adds its own routes; all of them are named in `register`.
"""

from __future__ import annotations

from flask import Blueprint

from app.admin.pages import (
    cases,
    erase,
    events,
    exports,
    failures,
    letters,
    overview,
    repair,
    schedules,
    trail,
    vendors,
)
from app.admin.pages.site import Site
from app.web.door import Door


def register(routes: Blueprint, door: Door) -> None:
    """Adds all pages to the blueprint."""
    site = Site(routes, door)
    routes.context_processor(site.context)
    for part in (overview, events, repair, cases, erase, exports, letters, failures, schedules, vendors, trail):
        part.add(site)

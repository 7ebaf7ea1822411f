"""The sandbox's web pages: ticket, supervisors' channel and JIRA board side by side; an admin's telephone.

The first is static; everything it shows comes from `/sandbox/state`, everything it does goes to `/sandbox/...`.
"""

from __future__ import annotations

import pyotp
from flask import Blueprint, Response, abort, render_template

from sandbox.core import the_world

# No inline script or style and nothing from elsewhere: what customers write can never run here.
POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"


def blueprint() -> Blueprint:
    """Serves `/` and its files under `/page/`. The world says which chat; the control interface says all else."""
    page = Blueprint("page", __name__, template_folder="templates", static_folder="static", static_url_path="/page")

    @page.get("/")
    def index() -> str:
        return render_template("page.html", chat=the_world().config.chat)

    @page.get("/authenticator")
    def authenticator() -> str:
        """The code that an authenticator app would show now, for the demo's admin."""
        config = the_world().config
        if not config.authenticator_secret:
            abort(404)
        code = pyotp.TOTP(config.authenticator_secret).now()
        return render_template("authenticator.html", code=code, desk=config.desk)

    @page.after_request
    def guard(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = POLICY
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers.setdefault("Cache-Control", "no-cache")
        return answer

    return page

"""`desk manifest`: what a chat product must be told of this desk, ready to paste. Needs no setting but PUBLIC_URL."""

from __future__ import annotations

import click

from app.cli import main
from app.cli.output import show_json
from app.settings import public_url

# One line each: why it is needed. Not asked for: events, commands, direct messages, channels that the bot is not in.
SCOPES = (
    "chat:write",  # post and change cards, tell a presser what came of it
    "channels:history",  # find a card again whose post was not answered, in a public channel
    "groups:history",  # the same in a private channel
    "usergroups:read",  # APPROVERS_GROUP
    "users:read",  # guests, bots and deactivated accounts decide nothing
    "users:read.email",  # which Zendesk agent a member of the group is
)


@main.group()
def manifest() -> None:
    """App manifests, for installation in one step."""


@manifest.command("slack")
@click.option("--socket", is_flag=True, help="For Socket Mode: Slack need not reach PUBLIC_URL.")
def manifest_slack(socket: bool) -> None:
    """The manifest of the Slack app: api.slack.com/apps, "Create New App", "From a manifest", JSON."""
    show_json(slack(None if socket else f"{public_url()}/webhooks/slack"))


def slack(request_url: str | None) -> dict[str, object]:
    """Name, bot, the fewest scopes, and where presses go; None: by Socket Mode.

    Source: facts S42, S43; field limits of Slack's manifest schema (name 35, descriptions 140 and 4,000 characters).
    """
    return {
        "_metadata": {"major_version": 1},
        "display_information": {
            "name": "Deletion Desk",
            "description": "Asks supervisors before a customer's data is deleted or offers are stopped.",
            "long_description": (
                "Posts one card for each customer's wish to have their data deleted or promotional offers stopped"
                " (SOP 000, Data deletion). Those on the list of approvers approve it, decline it with a reason, or ask"
                " the agent. The first decision counts, the ticket's own agent cannot approve, every press is answered."
            ),
            "background_color": "#1f3a5f",
        },
        "features": {"bot_user": {"display_name": "Deletion Desk", "always_online": True}},
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "interactivity": {"is_enabled": True, **({"request_url": request_url} if request_url else {})},
            "org_deploy_enabled": False,
            "socket_mode_enabled": request_url is None,
            "token_rotation_enabled": False,
        },
    }

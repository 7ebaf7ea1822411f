"""SOP 000: a customer wants personal data deleted, or offers stopped, and has confirmed it."""

from app.registry import on_button, on_issue, on_tag
from app.steps import Case, Steps

CARD = "data_deletion"


@on_tag("data_deletion_request", procedure="data_deletion")
def action_by_agent(case: Case, do: Steps) -> None:
    """SOP 000 sections 1 and 2, "If Customer Confirms Deletion / Opt-Out"."""
    wish = do.verify_preference(case)
    if not wish.complete:
        return  # the note names the field; the agent mends it, and the next update of the ticket comes here again
    do.apply_macro(case, "Data Deletion Request")
    do.ask_supervisor(case, wish, card=CARD)


@on_button(CARD, "approve")
def action_by_supervisor(case: Case, do: Steps) -> None:
    """SOP 000 section 3: escalate to the JIRA Support Team to ban the customer from all offers."""
    do.open_jira(case, "ban_from_all_offers")
    do.update_card(case)


@on_button(CARD, "decline")
def declined_by_supervisor(case: Case, do: Steps) -> None:
    """The ticket goes back to the agent, with the reason's code; nothing is escalated."""
    do.update_card(case)


@on_issue("data_deletion", "done")
def ban_is_done(case: Case, do: Steps) -> None:
    """SOP 000, Key Reminder: upon completion the customer is banned from all offers."""
    do.complete(case)
    do.update_card(case)


@on_issue("data_deletion", "refused")
def ban_is_refused(case: Case, do: Steps) -> None:
    """The support team closed the issue without doing it: the wish is not lost, a person takes over."""
    do.hand_to_person(case)
    do.update_card(case)

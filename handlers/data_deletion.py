"""SOP 000: a customer wants personal data deleted, or offers stopped, and has confirmed it."""

from app.registry import on_button, on_issue, on_tag
from app.steps import Case, Steps

CARD = "data_deletion"


@on_tag("data_deletion_request", procedure="data_deletion")
def action_by_agent(case: Case, do: Steps) -> None:
    """SOP 000 sections 1 and 2, "If Customer Confirms Deletion / Opt-Out"."""
    wish = do.verify_preference(case)
    if do.waits_for_agent(case):
        return  # the note names the field; the agent mends it, and the next update of the ticket comes here again
    do.apply_macro(case, "Data Deletion Request")
    do.ask_supervisor(case, wish, card=CARD)


@on_button(CARD, "approve")
def action_by_supervisor(case: Case, do: Steps) -> None:
    """SOP 000 section 3: escalate to the JIRA Support Team to ban the customer from all offers."""
    do.open_jira(case)


@on_button(CARD, "decline")
def declined_by_supervisor(case: Case, do: Steps) -> None:
    """Nothing is escalated: the ticket is the agent's again, and its note names the reason."""


@on_issue("data_deletion", "done")
def ban_is_done(case: Case, do: Steps) -> None:
    """SOP 000, Key Reminder: upon completion the customer is banned from all offers."""
    do.complete(case)


@on_issue("data_deletion", "refused")
def ban_is_refused(case: Case, do: Steps) -> None:
    """The support team closed the issue without doing it: the wish is not lost, a person takes over."""
    do.hand_to_person(case)

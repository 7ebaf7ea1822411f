"""SOP 000: a customer wants personal data deleted, or offers stopped, and has confirmed it."""

from app.registry import on_button, on_issue, on_tag, on_time
from app.steps import Case, Steps

CARD = "data_deletion"


@on_tag("data_deletion_request", procedure="data_deletion")
def action_by_agent(case: Case, do: Steps) -> None:
    """SOP 000 sections 1 and 2, "If Customer Confirms Deletion / Opt-Out"."""
    wish = do.verify_preference(case)
    do.look_up_macro(case, "Data Deletion Request")  # read while the wish is written down
    do.stop_offers(case, wish)  # ban the customer from all offers: from receipt on, approved or not
    do.start_clock(case)
    if do.waits_for_agent(case):
        return  # the note names the field; the agent mends it, and the next update of the ticket comes here again
    do.list_what_is_kept(case)  # some information may need to be retained
    if do.joins_another_ticket(case):
        return  # one person, one case, one card, one issue
    do.apply_macro(case, "Data Deletion Request")
    if not do.acknowledged(case):
        return  # the macro is missing or unfit: no half-done case; a replay after the repair does the rest
    do.ask_supervisor(case, wish, card=CARD)


@on_time("data_deletion", "reminder")
def supervisor_has_not_decided(case: Case, do: Steps) -> None:
    """Answer promptly (003): a reminder, then the next supervisor; never an automatic approval."""
    do.remind_supervisor(case)


@on_time("data_deletion", "refresh")
def supervisor_may_still_decide(case: Case, do: Steps) -> None:
    """The card waits longer than its buttons live: they are renewed, with nothing else on the card changed."""
    do.renew_buttons(case)


@on_time("data_deletion", "look")
def card_is_still_there(case: Case, do: Steps) -> None:
    """Somebody may have deleted the message: the wish must not wait for a decision that nobody is asked for."""
    do.look_at_card(case)


@on_button(CARD, "approve", to="approved")
def action_by_supervisor(case: Case, do: Steps) -> None:
    """SOP 000 section 3: escalate to the JIRA Support Team to ban the customer from all offers."""
    do.open_jira(case)


@on_button(CARD, "decline", to="declined")
def declined_by_supervisor(case: Case, do: Steps) -> None:
    """Nothing is escalated: the ticket is the agent's again; its note names the reason and what to do about it."""


@on_button(CARD, "ask", to="awaiting")
def supervisor_asks(case: Case, do: Steps) -> None:
    """A question before the decision: it goes to the agent, on the ticket, and the card waits."""
    do.ask_agent(case)


@on_issue("data_deletion", "done")
def ban_is_done(case: Case, do: Steps) -> None:
    """SOP 000, Key Reminder: upon completion the customer is banned from all offers. JIRA's word is a claim."""
    do.claim_ban(case)
    do.confirm_to_customer(case)


@on_time("data_deletion", "recheck")
def ban_is_looked_at_again(case: Case, do: Steps) -> None:
    """Ensure all customer preferences are fully implemented: the source is asked again on day 1, 7 and 30."""
    do.recheck_ban(case)
    do.confirm_to_customer(case)


@on_issue("data_deletion", "refused")
def ban_is_refused(case: Case, do: Steps) -> None:
    """The support team closed the issue without doing it: the wish is not lost, a person takes over."""
    do.hand_to_person(case)


@on_issue("data_deletion", "reopened")
def ban_is_taken_back(case: Case, do: Steps) -> None:
    """The issue is no longer done: the case comes back to life."""
    do.reopen(case)


@on_time("data_deletion", "again")
def next_round_begins(case: Case, do: Steps) -> None:
    """A round that begins without a new tag: what is left after a withdrawal in part, or of a declined other ticket."""
    do.go_on_with_the_rest(case)


@on_time("data_deletion", "joined")
def other_ticket_has_moved_on(case: Case, do: Steps) -> None:
    """One person, several tickets: this ticket's note says how the one case stands."""
    if do.follow(case):
        do.restore_offers(case)  # withdrawn on the other ticket: for whoever this one names, too

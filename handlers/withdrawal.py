"""SOP 000 section 2, "If Customer Withdraws Request / Wants to Continue Offers": it beats a request."""

from app.registry import on_tag, on_time
from app.steps import Case, Steps


@on_tag("data_deletion_withdrawn", procedure="data_deletion", rank=10)
def customer_withdraws(case: Case, do: Steps) -> None:
    """No further action is required: the open card dies, nothing new goes to JIRA; the customer gets a confirmation."""
    if not do.withdraw(case):
        return  # data deletion and channels to go on with contradict each other: the note asks the agent
    do.restore_offers(case)  # only the channels named; all of them when none is
    do.withdraw_elsewhere(case)  # whatever ticket the request came on, and an earlier round whose ban is in place
    do.undo_in_jira(case)
    if do.concerns_calls(case):
        do.apply_macro(case, "Acknowledgement Consent on Promotional Calls")  # if applicable
    do.go_on_with_the_rest(case)  # what the customer has not withdrawn stands


@on_time("data_deletion", "withdrawn")
def customer_withdraws_on_another_ticket(case: Case, do: Steps) -> None:
    """One person, several tickets: what is withdrawn on one of them is withdrawn wherever it is carried out."""
    if do.withdraw(case):
        do.restore_offers(case)
        do.undo_in_jira(case)

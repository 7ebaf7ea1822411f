"""SOP 000 section 2, "If Customer Withdraws Request / Wants to Continue Offers": it beats a request."""

from app.registry import on_tag
from app.steps import Case, Steps


@on_tag("data_deletion_withdrawn", procedure="data_deletion", rank=10)
def customer_withdraws(case: Case, do: Steps) -> None:
    """No further action is required: the open card dies, nothing new goes to JIRA; the customer gets a confirmation."""
    do.withdraw(case)
    do.restore_offers(case)
    do.comment_jira(case, "withdrawn")
    if do.concerns_calls(case):
        do.apply_macro(case, "Acknowledgement Consent on Promotional Calls")

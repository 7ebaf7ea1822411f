"""SOP 000, Notes: a customer threatens to go to a regulator, a lawyer, the police or a tribunal.

Beside the customer's request and before it, never instead of it.
"""

from app.registry import on_button, on_threat, on_time
from app.steps import Case, Steps

CARD = "regulatory_threat"


@on_threat(procedure="regulatory_threat")
def look_out_for_mentions_of_regulators(case: Case, do: Steps) -> None:
    """SOP 000, Notes: treat these as Regulatory Complaint Threats and escalate to your supervisor accordingly."""
    do.start_clock(case)
    do.raise_threat(case)


@on_time("regulatory_threat", "reminder")
def supervisor_has_not_answered(case: Case, do: Steps) -> None:
    """Answer promptly (003): a reminder, then the next supervisor; nothing is decided by the clock."""
    do.remind_supervisor(case)


@on_time("regulatory_threat", "refresh")
def supervisor_may_still_answer(case: Case, do: Steps) -> None:
    """The card waits longer than its buttons live: they are renewed."""
    do.renew_buttons(case)


@on_time("regulatory_threat", "look")
def card_is_still_there(case: Case, do: Steps) -> None:
    """Somebody may have deleted the message: it is posted once more."""
    do.look_at_card(case)


@on_button(CARD, "acknowledge", to="done")
def taken_care_of(case: Case, do: Steps) -> None:
    """A person, by name, takes care of the customer's threat. It approves nothing: the request has its own card."""


@on_button(CARD, "false_alarm", to="declined")
def false_alarm(case: Case, do: Steps) -> None:
    """No threat after all: recorded with the rules that had found it, so that the word list can be mended."""

"""The verbs that handlers may use, and the two types they see."""

from app.cases import Case
from app.steps.ban import BanSteps
from app.steps.clock import ClockSteps
from app.steps.consent import ConsentSteps
from app.steps.join import JoinSteps
from app.steps.kept import KeptSteps
from app.steps.withdraw import WithdrawSteps

__all__ = ["Case", "Steps"]


class Steps(BanSteps, ClockSteps, ConsentSteps, JoinSteps, KeptSteps, WithdrawSteps):
    """The verbs. A handler calls them in the SOP's order; each outward effect acts once a case."""

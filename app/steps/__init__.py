"""The verbs that handlers may use, and the two types they see."""

from app.ahead import Reads
from app.cases import Case
from app.ledger.perform import Owner
from app.steps.ban import BanSteps
from app.steps.base import Tools
from app.steps.consent import ConsentSteps
from app.steps.involved import InvolvedSteps
from app.steps.join import JoinSteps
from app.steps.kept import KeptSteps
from app.steps.lost import LostSteps
from app.steps.renew import RenewSteps
from app.steps.threat import ThreatCase, ThreatSteps
from app.steps.withdraw import WithdrawSteps

__all__ = ["Case", "Steps", "make"]


class Steps(
    BanSteps, ConsentSteps, InvolvedSteps, JoinSteps, KeptSteps, LostSteps, RenewSteps, ThreatSteps, WithdrawSteps
):
    """The verbs. A handler calls them in the SOP's order; each outward effect acts once a case."""


class _OfThreat(ThreatCase, Steps):
    """The same verbs for a case of a Regulatory Complaint Threat."""


def make(tools: Tools, owner: Owner, case: Case, reads: Reads | None = None) -> Steps:
    """The verbs for this case, as its procedure wants them."""
    kind = _OfThreat if case.procedure == "regulatory_threat" else Steps
    return kind(tools, owner, case, reads)

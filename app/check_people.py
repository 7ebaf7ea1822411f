"""`desk check` of those who may decide: each must be an active agent in Zendesk, else their presses are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.clients.types import Zendesk
from app.findings import Finding, judged, look, skipped
from app.settings import Settings
from app.votes import WANTED


def people(settings: Settings, zendesk: Zendesk, account: Finding) -> Iterator[Finding]:
    """`account`: what was found of Zendesk's own account; when it does not answer, nobody is looked up."""
    for name, listed in (("APPROVERS", settings.approvers), ("THREAT_APPROVERS", settings.threat_approvers)):
        if listed:
            yield skipped(name, account) or _agents(name, listed, zendesk)
    if settings.threat_two_persons:
        threats = "regulatory_threat"
        several = settings.group_of(threats) or len({*settings.approvers_of(threats).values()}) >= WANTED
        yield judged("THREAT_TWO_PERSONS", "" if several else "fewer than two agents may decide about a threat")


def _agents(name: str, listed: Mapping[str, str], zendesk: Zendesk) -> Finding:
    wrong: list[str] = []

    def ask() -> None:
        wrong[:] = [user for user, mail in listed.items() if not any(p.is_staff for p in zendesk.people(mail))]

    finding = look(name, ask)
    if finding.text or not wrong:
        return finding
    text = f"no active agent has the address of {', '.join(wrong)}"
    return Finding(name, text, "FAIL" if len(wrong) == len(listed) else "warn")

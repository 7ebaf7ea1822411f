"""Who pressed a button: a member of our workspace on the list, the Zendesk agent they are, and all accounts of theirs.

Sources: bad-inputs S010-S015, S032, M010; faults D5-D7.
"""

from __future__ import annotations

from dataclasses import dataclass

from app import approvers
from app.clients import retry
from app.clients.chat import ChatPerson
from app.clients.types import Person, Zendesk
from app.errors import PermanentError
from app.events import ButtonPressed
from app.steps import Steps
from app.steps.base import Tools
from app.vault import Vault


@dataclass(frozen=True)
class Presser:
    """On the list, and a member of the workspace now. `listed`: the agent's address, '' for a member of the group;
    `profile`: their own address in the chat."""

    listed: str
    profile: str


@dataclass(frozen=True)
class Identity:
    """One person in Zendesk's terms: the agent they decide as, and every user and address that theirs lead to."""

    agent: Person
    people: tuple[Person, ...]
    mails: frozenset[str]

    def accounts(self, vault: Vault) -> list[str]:
        """Keyed hashes of their Zendesk users, the deciding agent's first."""
        ids = dict.fromkeys((self.agent.id, *sorted(person.id for person in self.people)))
        return [vault.digest("agent", str(number)) for number in ids]


def find(tools: Tools, procedure: str, event: ButtonPressed, team: str) -> Presser | str:
    """The presser, or the key of the answer that says why they may not decide anything.

    Raises VendorError when somebody cannot be asked: fail closed.
    """
    settings = tools.settings
    listed = approvers.listed_now(settings, tools.db, tools.chat, procedure, event.user)
    if listed is None:
        return "not_an_approver"
    if event.channel != settings.channel_of(procedure) or event.team != (team or event.team):
        return "wrong_place"
    try:
        person = retry.read(lambda: tools.chat.person(event.user, channel=event.channel))
    except PermanentError:
        return "not_active"  # whom the chat does not know is nobody
    return Presser(listed, person.email) if _is_member(person, event.team) else "not_active"


def identify(do: Steps, presser: Presser) -> Identity | str:
    """Their identity, or the key of an answer: they have to do with this case, or are no agent (any more).

    Raises VendorError as `find` does.
    """
    zendesk, digest = do.tools.zendesk, do.tools.vault.digest
    with approvers.readable():
        by_mail = {mail: _people(zendesk, mail) for mail in _different(presser.listed, presser.profile)}
    people = tuple({person.id: person for found in by_mail.values() for person in found}.values())
    mails = frozenset({*by_mail, *(mail for person in people for mail in person.mails)})
    others = retry.read(do.involved)
    if others.ids & {person.id for person in people} or others.mails & {digest("mail", mail) for mail in mails}:
        return "self_approval"
    own = (presser.listed or presser.profile).lower()
    staff = [person for person in by_mail.get(own, ()) if person.is_staff]
    return Identity(staff[0], people, mails) if staff else "not_an_agent"


def _is_member(person: ChatPerson, team: str) -> bool:
    """A full member of our workspace and of the channel, as the chat says now."""
    full = not (person.is_bot or person.deleted or person.is_guest)
    return full and person.in_channel and person.team_id in ("", team)


def _different(*mails: str) -> list[str]:
    return list(dict.fromkeys(mail.lower() for mail in mails if mail))


def _people(zendesk: Zendesk, mail: str) -> tuple[Person, ...]:
    return tuple(retry.read(lambda: zendesk.people(mail)))

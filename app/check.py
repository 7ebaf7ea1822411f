"""`desk check`: settings, machine, database and far sides, each named with what is wrong. Reads only; sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

from app import check_chat, check_machine, check_people, clocks, db, kept, registry
from app.clients import Clients, make
from app.clocks import terms
from app.db import Database
from app.desk import Desk
from app.errors import DeskError, StoreError
from app.findings import Finding, judged, look, skipped
from app.macro_texts import MacroText, load_macros
from app.notes import CONSENT_MACRO, REQUEST_MACRO
from app.settings import Settings
from app.threats import lexicon

DONE_MACRO, DONE_SOP = "Opt-Out Confirmation", "3.3"  # ours for the second message (macros/)
SAFE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
MAX_SKEW = 60.0  # seconds; signatures and buttons are judged by our clock, and refused outside their window
FAULTS = {
    "advice": "the sentence on what must be retained is in none of our languages",
    "marketing": "it holds a link, an image or words of marketing",
    "tracking": "it holds a link, an image or words of marketing",
    "link": "it holds a link, an image or words of marketing",
    "placeholder": "it holds a placeholder that is not filled, or an unfinished [Insert …]",
}


def run(settings: Settings, clients: Clients | None = None) -> Iterator[Finding]:
    """Every finding, in the order of looking; None means the real clients."""
    registry.load()
    yield judged("settings", "" if _somebody(settings) else "APPROVERS is empty: nobody may decide")
    yield from check_machine.machine()
    yield _fields(settings)
    yield _clock(settings)
    yield _confirmation(settings)
    yield _retention(datetime.now(UTC).date())
    lexicon.use(settings.threat_words)
    yield _threat_words(terms.today(settings, datetime.now(UTC)))
    yield from _database(settings)
    made = clients or make(settings)
    yield from _zendesk(made, settings)
    yield from check_chat.chat(settings, made.chat)
    yield from _jira(made)
    yield from _bans(settings, made)
    yield from _ways_out(made)
    made.close()


def _somebody(settings: Settings) -> bool:
    return bool(settings.approvers or settings.approvers_group)


def _fields(settings: Settings) -> Finding:
    missing = [name for name in ("name", "contact", "backoffice", "preference") if name not in settings.fields]
    if not missing:
        return Finding("ticket fields")
    if len(missing) == 4:
        return Finding("ticket fields", "DESK_FIELDS is empty: details come from the profile and the tags only", "warn")
    return Finding("ticket fields", f"DESK_FIELDS does not name {', '.join(missing)}", "warn")


def _confirmation(settings: Settings) -> Finding:
    """Nothing is escalated without it (features 1.1): what is no field is not asked of the agent, only derived."""
    derived = {
        "identity": "that the identity was checked is not recorded",
        "confirmed_by": "who tags is taken to vouch for the customer",
        "confirmed_via": "the ticket's own channel counts",
    }
    missing = [f"{name} ({words})" for name, words in derived.items() if name not in settings.fields]
    if "confirmed_by" in settings.fields and "authority" not in settings.fields:
        missing.append("authority (a representative's is not asked for)")
    if not missing:
        return Finding("confirmation")
    return Finding("confirmation", f"DESK_FIELDS does not name {', '.join(missing)}", "warn")


def _retention(today: date) -> Finding:
    """The table of what must be kept is reviewed by people; a review that is past shows here (features 3.5)."""
    overdue = kept.table().overdue(today)
    text = f"app/kept/retention.toml: the review of {', '.join(overdue)} is overdue" if overdue else ""
    return Finding("retention table", text, "warn" if overdue else "ok")


def _threat_words(today: date) -> Finding:
    """The word lists of Regulatory Complaint Threats are reviewed by people too (features 3.5)."""
    text = "; ".join(f"{name}: the review is overdue since {by}" for name, by in lexicon.load().overdue(today).items())
    return Finding("threat words", text, "warn" if text else "ok")


def _clock(settings: Settings) -> Finding:
    """What a person should have looked at again (features 3.5); an unknown profile or state is refused as a setting."""
    profile = clocks.of(settings).profile
    late = profile.overdue(terms.today(settings, datetime.now(UTC)))
    said = ", ".join(f"{number.name} (by {number.review_by})" for number in late)
    return Finding(f"clock profile {profile.name}", f"to be reviewed: {said}" if late else "", "warn" if late else "ok")


def _database(settings: Settings) -> Iterator[Finding]:
    if not db.present(settings):
        yield judged("database", "there is none here: run `desk migrate`")
        return
    try:
        uri = db.url(settings)
        db.reach(uri)
        pool = Database(uri, size=1)
        pool.open()
        try:
            yield from _safety(pool)
        finally:
            pool.close()
        desk = Desk(settings, uri=uri, pool=1)
        yield judged("database schema", "; ".join(f"{name}: {text}" for name, text in desk.ready().items()))
        desk.db.close()
    except DeskError as error:
        yield judged("database", "it does not answer" if isinstance(error, StoreError) else str(error))


def _safety(pool: Database) -> Iterator[Finding]:
    """What is answered as recorded must survive a power cut."""
    with pool.tx() as conn:
        for name, wanted in SAFE.items():
            row = conn.execute("SELECT current_setting(%s) AS value", (name,)).fetchone()
            value = str(row["value"]) if row else "?"
            # remote_apply and the like are stricter than `on`
            yield judged(f"database {name}", "" if value == wanted or value.startswith("remote") else f"is {value}")
        row = conn.execute("SELECT current_setting('data_checksums') AS value").fetchone()
        on = row is not None and row["value"] == "on"
        yield judged("database data_checksums", "" if on else "is off: torn pages go unseen")


def _zendesk(made: Clients, settings: Settings) -> Iterator[Finding]:
    last, tag = settings.completion_macro, settings.tags["data_deletion_request"]
    account = look("zendesk account", made.zendesk.me)
    yield account
    yield from check_people.people(settings, made.zendesk, account)
    # What the sweep asks, of a moment ago: without the right to search, lost webhooks stay lost.
    now = datetime.now(UTC)
    yield skipped("zendesk search", account) or look(
        "zendesk search", lambda: next(iter(made.zendesk.tagged(tag, now)), None)
    )
    ours = load_macros()
    for title in (REQUEST_MACRO, CONSENT_MACRO):
        name = f"macro {title}"
        yield skipped(name, account) or _macro(name, made, ours[title])
    if last:
        # Under a title of the account's own it is held against our text for this message all the same.
        wanted = ours.get(last) or replace(ours[DONE_MACRO], title=last)
        yield skipped(f"macro {last}", account) or _macro(f"macro {last}", made, wanted)


def _macro(name: str, made: Clients, ours: MacroText) -> Finding:
    """The account's own macro is what is sent: it must be there, and say what the SOP wants and nothing else."""
    text = ""

    def read() -> None:
        nonlocal text
        text = made.zendesk.macro_text(made.zendesk.macro(ours.title))

    found = look(name, read)
    if found.text:
        return found
    if not text.strip():
        return judged(name, "it writes no comment: nobody would be told anything")
    said = FAULTS if ours.sop != DONE_SOP else {**FAULTS, "advice": "it does not say that the opt-out is processed"}
    faults = dict.fromkeys(said[fault] for fault in ours.faults(text))
    if not faults and not ours.approved(text):
        return Finding(name, "its wording differs from the approved one in macros/: compare the two", "warn")
    return judged(name, "; ".join(faults))


def _jira(made: Clients) -> Iterator[Finding]:
    account = look("jira account", made.jira.me)
    yield account
    yield skipped("jira project", account) or look("jira project", made.jira.project)


def _bans(settings: Settings, made: Clients) -> Iterator[Finding]:
    """Without a source there is nothing to look at: JIRA's word is all there is, and every text says so."""
    if made.bans is None:
        return
    found = look("ban's source", made.bans.look)
    if found.level == "ok" and not settings.ban_check_token.get_secret_value():
        found = Finding("ban's source", "BAN_CHECK_TOKEN is empty: anybody may ask who is banned", "warn")
    yield found


def _ways_out(made: Clients) -> Iterator[Finding]:
    """The ledger alone may send again; and vendors' signatures carry a time that our clock is held against."""
    again = [name for name, times in made.library_retries().items() if times]
    yield judged("one retry owner", f"the libraries of {', '.join(again)} send again by themselves" if again else "")
    skews = {name: seconds for name, seconds in made.skews().items() if seconds is not None}
    far = [f"{name} is {round(seconds):+d} s from ours" for name, seconds in skews.items() if abs(seconds) > MAX_SKEW]
    yield judged("clocks", "; ".join(far))

"""Every text in three languages, the SOP's own words on the card, and customer mails without marketing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.cards import REASONS, UNSPECIFIED
from app.cases import CLOSED_STATES, OPEN_STATES
from app.errors import ConfigError
from app.issue_text import jira_request
from app.macro_texts import PLACEHOLDER, PLACEHOLDERS, QUESTIONS, load_macros
from app.texts import FAMILIES, FOLDER, LANGUAGES, MARK, Texts, read

ROOT = Path(__file__).resolve().parent.parent
SOP = ROOT.parent / "shared" / "sop"
HOSTILE = ("{0.__class__}", "{name}", "{{7*7}}", "%(x)s", "{% if 1 %}", r"\g<0>", "${x}", "\\1")

# The words of SOP 000, section 2; kept here too, because a clone has no ../shared.
SOP_WORDS = {
    "cards.intro": "Kindly assist to remove/update the following customer’s data based on their selected preference:",
    "cards.name": "Customer Name: {name}",
    "cards.contact": "Contact Number: {contact}",
    "cards.ticket": "Ticket Link: {ticket} (CS Only)",
    "cards.backoffice": "BackOffice Link: {backoffice}",
    "cards.preference.title": "Customer Preference:",
    "cards.preference.delete": "Delete personal data completely (subject to compliance retention)",
    "cards.preference.stop": "Stop all types of communication (Calls, SMS, Email, Push Notification)",
    "cards.preference.ban": "Ban from all offers",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_takes_its_values_and_leaves_nothing_open(language: str) -> None:
    texts = Texts.load(language)
    assert len(texts.keys) > 100
    for key, by_language in read(FOLDER).items():
        names = set(MARK.findall(by_language["en"]))
        filled = texts.get(key, **{name: f"<{name}>" for name in names})
        assert "{" not in filled
        assert all(f"<{name}>" in filled for name in names), key


def test_languages_differ() -> None:
    """A text copied and not translated is a mistake, except for names and marks."""
    names = {
        "cards.channel.sms",
        "cards.changed.line",
        "cards.channel.comma",
        "cards.issue",
        "notes.bullet",
        "kept.line",
        "kept.reply.line",
    }
    for key, text in read(FOLDER).items():
        assert text["zh"] != text["en"] or key in names, key
        assert text["ms"] != text["en"] or key in names, key
        assert re.search(r"[\u4e00-\u9fff]", text["zh"]) or key in names | {"notes.header"}, key


@pytest.mark.parametrize(("key", "words"), SOP_WORDS.items())
def test_card_has_the_words_of_the_sop(key: str, words: str) -> None:
    assert read(FOLDER)[key]["en"] == words


def test_words_kept_here_are_those_of_the_sop_file() -> None:
    if not SOP.is_dir():
        pytest.skip("../shared is not beside this clone")
    sop = next(SOP.glob("000_*")).read_text("utf-8")
    blanks = {"{name}": "[Insert Name]", "{contact}": "[Insert Number]", "{ticket}": "[Insert ID]"}
    blanks["{backoffice}"] = "[Insert Link]"
    for words in SOP_WORDS.values():
        assert MARK.sub(lambda mark: blanks[mark[0]], words) in sop
    assert all(f"“{title}”" in sop for title, macro in load_macros().items() if macro.sop.startswith("0."))


@pytest.mark.parametrize("value", HOSTILE)
def test_x040_a_value_is_inserted_as_it_is(value: str) -> None:
    assert Texts.load("en").get("cards.name", name=value) == f"Customer Name: {value}"


def test_values_are_strict() -> None:
    texts = Texts.load("en")
    with pytest.raises(KeyError):
        texts.get("cards.nothing")
    with pytest.raises(ValueError, match=r"cards\.name"):
        texts.get("cards.name")
    with pytest.raises(ValueError, match=r"cards\.name"):
        texts.get("cards.name", name="Siti", contact="1")
    with pytest.raises(ConfigError):
        Texts.load("fr")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[x]\nen = "a"\nms = "b"', "languages"),
        ('[x]\nen = "a"\nms = "b"\nzh = ""', "languages"),
        ('[x]\nen = "a"\nms = "b"\nzh = "c"\nfr = "d"', "languages"),
        ('[x]\nen = "{a}"\nms = "{b}"\nzh = "{a}"', "other values"),
        ('[x]\nen = "{a"\nms = "b"\nzh = "c"', "stray brace"),
        ('x = "loose"', "not a text"),
        ("[x", "cannot be read"),
    ],
)
def test_a_broken_file_is_refused_at_load(tmp_path: Path, text: str, complaint: str) -> None:
    for family in FAMILIES:
        (tmp_path / f"{family}.toml").write_text(text if family == "notes" else "", "utf-8")
    with pytest.raises(ConfigError, match=complaint):
        Texts.load("en", tmp_path)


def test_every_state_and_reason_has_its_words() -> None:
    keys = set(Texts.load("en").keys)
    for state in OPEN_STATES | CLOSED_STATES:
        assert {f"notes.state.{state}", f"notes.next.{state}", f"cards.state.{state}"} <= keys
    assert {f"cards.reason.{code}" for code in (*REASONS, UNSPECIFIED)} <= keys
    for field in ("name", "contact", "backoffice", "preference"):
        assert {f"notes.field.{field}.missing", f"notes.field.{field}.contradictory", f"notes.name.{field}"} <= keys


def test_every_key_that_the_code_names_exists() -> None:
    """Literal keys must be there; of a key made with an f-string, the part before the first brace must be a start."""
    keys = set(Texts.load("en").keys)
    found = 0
    for path in (ROOT / "app").rglob("*.py"):
        for start, name in re.findall(r'(f?)"((?:notes|cards|answers|jira)\.[a-z_.{][^"]*)"', path.read_text("utf-8")):
            found += 1
            prefix = name.split("{")[0]
            known = any(key.startswith(prefix) for key in keys) if start else name in keys
            assert known, f"{path.name} names {name}"
    assert found > 20


def test_causes_and_decline_reasons_are_open_lists() -> None:
    texts = Texts.load("en")
    assert texts.cause("timeout") == texts.cause("gave_up:timeout") == texts.get("notes.cause.timeout")
    assert texts.cause("never_seen") == "an unexpected error (never_seen)."
    assert texts.decline_reason("duplicate") == "Already handled in another ticket"
    assert texts.decline_reason("<!channel>") == texts.decline_reason("") == texts.decline_reason(UNSPECIFIED)


def test_every_reason_slug_of_the_clients_has_plain_words() -> None:
    texts = Texts.load("en")
    source = (ROOT / "app" / "clients" / "outcome.py").read_text("utf-8")
    slugs = re.findall(r'^    "([a-z_]+)": "', source, re.MULTILINE)
    assert len(slugs) > 10
    assert [slug for slug in slugs if f"notes.cause.{slug}" not in texts.keys] == []


def test_the_macros_and_nothing_wrong_with_them() -> None:
    macros = load_macros()
    assert {title: macro.sop for title, macro in macros.items()} == {
        "Data Deletion Request": "0.27",
        "Acknowledgement Consent on Promotional Calls": "0.30",
        "Opt-Out Confirmation": "3.3",
    }
    assert macros["Data Deletion Request"].actions == {"status": "pending"}
    for macro in macros.values():
        assert tuple(macro.contact) == QUESTIONS
        for language in LANGUAGES:
            body = macro.body[language]
            assert macro.faults(body) == ()
            assert set(PLACEHOLDER.findall(body)) == PLACEHOLDERS
            assert macro.must_say[language] in body
            assert not re.search(r"all (of )?your (personal )?data (has|have|will)|semua data|所有(个人)?资料", body)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda body: body + " Special offer: 20% discount!", "marketing"),
        (lambda body: body + " https://example.com/promo", "marketing"),
        (lambda body: body + " 立即申请", "marketing"),
        (lambda body: body + " {{ticket.requester.email}}", "placeholder"),
        (lambda body: body + " {% if x %}", "placeholder"),
        (lambda body: "Hello [Insert Name], " + body, "placeholder"),
        (lambda body: body.replace("may need to be retained", "was deleted"), "advice"),
    ],
)
def test_an_account_macro_that_drifted_is_found(change: object, fault: str) -> None:
    assert callable(change)
    macro = load_macros()["Data Deletion Request"]
    assert fault in macro.faults(change(macro.body["en"]))


def test_every_macro_title_used_in_a_handler_exists() -> None:
    used = set()
    for path in (ROOT / "handlers").glob("*.py"):
        used |= set(re.findall(r'apply_macro\(\s*\w+,\s*"([^"]+)"', path.read_text("utf-8")))
    assert used <= set(load_macros())
    assert used or not list((ROOT / "handlers").glob("data_deletion.py"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("wish", [("delete_all",), ("stop_all",), ("stop_sms", "stop_calls")])
def test_jira_text_names_the_ticket_and_the_link_and_nobody(language: str, wish: tuple[str, ...]) -> None:
    url = "https://backoffice.example.com/customers/9"
    summary, description = jira_request(Texts.load(language), wish=wish, ticket_id=417, backoffice_url=url)
    assert "417" in summary
    assert "\n" not in summary
    assert len(summary) <= 255
    assert "417" in description
    assert f"[{url}]" in description


@pytest.mark.parametrize(("wish", "deletes"), [("delete_all", True), ("stop_all", False)])
def test_jira_text_asks_for_the_whole_ban(wish: str, deletes: bool) -> None:
    summary, description = jira_request(Texts.load("en"), wish=(wish,), ticket_id=4, backoffice_url="")
    assert summary == "Ban customer from all offers (ticket #4)"
    assert description.startswith("Please ban the customer from all offers: stop all types of communication")
    assert ("subject to compliance retention" in description) == deletes


def test_jira_text_of_named_channels_names_only_these() -> None:
    url = "https://backoffice.example.com/customers/9"
    summary, description = jira_request(Texts.load("en"), wish=("stop_push",), ticket_id=4, backoffice_url=url)
    assert summary == "Stop Push Notification to customer (ticket #4)"
    assert "these channels only: Push Notification." in description
    assert not re.search(r"SMS|Calls|Email|all offers", description)

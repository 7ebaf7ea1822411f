"""Group X of the bad inputs, per sink: what a customer typed stays text, whole, and inside the limit.

Not here: X014, X019, X021 (admin page and queries), X013 (harmless).
"""

from __future__ import annotations

import csv
import html
import io
import random
import re
import time
from collections.abc import Callable

import pytest

from app import sinks

Encoder = Callable[[str, int], str]
ENCODERS: tuple[Encoder, ...] = (
    sinks.mrkdwn,
    sinks.slack_plain,
    sinks.jira_wiki,
    sinks.mattermost,
    sinks.zendesk,
    sinks.shown,
    sinks.one_line,
)
SHOWING = ENCODERS[:6]
HARD = [
    "<!channel> & <@U0AISYAH>",
    "<https://evil.example|https://bank.example>",
    "{code}x{code} {color:red}y [a|file:///etc] !http://tracker.example/x.png! [~accountid:1]",
    "{{ticket.requester.email}} {% if 1 %} &#123;&#123;ticket.id}}",
    "\\{code} \\\\ \\[x]",
    "h1. Title\n* list\n# one\n|| table ||\n---- \nbq. quote\n- item\n1. first",
    "👩‍👩‍👧‍👦" * 20,
    "🇲🇾🇸🇬" * 20,
    "Zalgo " + "o" + "\u0301" * 500,
    "a\u202eb\u200bc\ufeffd\x00e\x1b[2Jf\ud800g",
    "'; DROP TABLE --",
    "&amp;&lt;" * 40,
]


@pytest.mark.parametrize("encode", ENCODERS)
@pytest.mark.parametrize("text", HARD)
def test_every_limit_is_kept_and_the_result_can_be_sent(encode: Encoder, text: str) -> None:
    whole = encode(text, 100_000)
    for limit in range(0, 60):
        cut = encode(text, limit)
        cut.encode("utf-8")
        assert encode is sinks.shown or len(cut) <= limit
        if limit > 1 and cut != whole:
            assert cut.endswith("…")
            assert whole.startswith(cut[:-1].rstrip())


@pytest.mark.parametrize("limit", range(1, 40))
def test_mrkdwn_is_never_cut_inside_an_entity(limit: int) -> None:
    cut = sinks.mrkdwn("a<b>&" * 20, limit)
    assert re.fullmatch(r"(?:[ab]|&amp;|&lt;|&gt;)*…?", cut)


@pytest.mark.parametrize("limit", range(1, 40))
def test_wiki_and_markdown_are_never_cut_inside_an_escape(limit: int) -> None:
    assert re.fullmatch(r"(?:\\[{}]|\\\u200b|a)*…?", sinks.jira_wiki("a{\\}" * 20, limit))
    assert re.fullmatch(r"(?:\\[*\\]|\{\u200b|a)*…?", sinks.zendesk("a{*\\" * 20, limit))


@pytest.mark.parametrize("limit", range(1, 30))
def test_an_emoji_or_a_flag_is_never_cut(limit: int) -> None:
    family = "👩‍👩‍👧‍👦"
    assert re.fullmatch(f"(?:{family})*…?", sinks.slack_plain(family * 9, limit))
    assert re.fullmatch("(?:🇲🇾)*…?", sinks.slack_plain("🇲🇾" * 9, limit))


def test_x001_x003_slack_pings_nobody_and_links_nothing() -> None:
    assert sinks.mrkdwn("<!channel>", 99) == "&lt;!channel&gt;"
    assert sinks.mrkdwn("<!here> <@U1> <!subteam^S1>", 99) == "&lt;!here&gt; &lt;@U1&gt; &lt;!subteam^S1&gt;"
    assert sinks.mrkdwn("<https://evil|https://bank.my>", 99) == "&lt;https://evil|https://bank.my&gt;"
    assert sinks.mrkdwn("&lt;!channel&gt;", 99) == "&amp;lt;!channel&amp;gt;"


@pytest.mark.parametrize("seed", range(30))
def test_mrkdwn_decodes_to_what_was_typed(seed: int) -> None:
    source = random.Random(seed)
    text = "".join(source.choice("<>&ab;|@!#\n *_~`李é") for _ in range(200))
    encoded = sinks.mrkdwn(text, 5000)
    assert not re.search(r"[<>]", encoded)
    assert html.unescape(encoded) == text


def test_x004_plain_text_is_left_as_typed() -> None:
    assert sinks.slack_plain("*bold* ~x~ `code` <b> &amp;", 99) == "*bold* ~x~ `code` <b> &amp;"


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("@channel @all @here", "@\u200bchannel @\u200ball @\u200bhere"),
        ("[x](javascript:alert(1))", "\\[x\\](javascript:\u200balert(1))"),
        ("![](http://tracker/p.png)", "!\\[\\](http:\u200b//tracker/p\u200b.png)"),
        ("[Approve](mmaction://approve)", "\\[Approve\\](mmaction:\u200b//approve)"),
        ("<http://evil> <a@b>", "&lt;http:\u200b//evil\\> &lt;a@\u200bb\\>"),
        ("www.evil.example evil.example/x", "www\u200b.evil\u200b.example evil\u200b.example/x"),
        (
            "#tag ~town :tada: **b** `c` ~~s~~",
            "#\u200btag ~\u200btown :\u200btada: \\*\\*b\\*\\* \\`c\\` ~\u200b~\u200bs~\u200b~\u200b",
        ),
        ("&#64;all &lt; AT&T A & B", "&\u200b#\u200b64;all &\u200blt; AT&\u200bT A & B"),
        ("- item\n1. one\n---\n===\n    code", "-\u200b item\n1\u200b. one\n-\u200b--\n=\u200b==\n   code"),
        ("\\*x", "\\\u200b\\*x"),
        ("Siti Nur-Aisyah, +60123456789.", "Siti Nur-Aisyah, +60123456789."),
    ],
)
def test_x005_x007_mattermost_mentions_links_and_draws_nothing(text: str, encoded: str) -> None:
    assert sinks.mattermost(text, 200) == encoded


@pytest.mark.parametrize("seed", range(30))
def test_mattermost_shows_what_was_typed(seed: int) -> None:
    source = random.Random(seed)
    pieces = ("http", ":", "//", "www.", ".com/", "@", "#", "~", *"[]()<>*_`!|&\\ab1 -+=\n李")
    text = "".join(source.choice(pieces) for _ in range(200))
    encoded = sinks.mattermost(text, 5000)
    assert re.sub(r"\\(?=[`*_\[\]|>])", "", encoded).replace(sinks.GAP, "").replace("&lt;", "<") == re.sub(
        "(?m)^ {4,}", "   ", text
    )
    assert not re.search(r"[@#~](?!\u200b)|:(?![\s\u200b]|$)|(?<!\\)[`*_\[\]|>]", encoded)


@pytest.mark.parametrize("limit", range(1, 40))
def test_mattermost_is_never_cut_inside_an_escape(limit: int) -> None:
    assert re.fullmatch(r"(?:\\\*|&lt;|@\u200b|a)*…?", sinks.mattermost("a*<@" * 20, limit))


def _unwiki(text: str) -> str:
    """What Atlassian's renderer makes of it: one backslash, not after another, before one of these, goes away."""
    shown = re.sub(r"(?<!\\)\\([-#*_+?^~|%{}\[\]()!@])", r"\1", text)
    return shown.replace(sinks.GAP, "")


@pytest.mark.parametrize("seed", range(30))
def test_x009_x011_wiki_text_shows_what_was_typed(seed: int) -> None:
    source = random.Random(seed)
    text = "".join(source.choice("{}[]|!\\*_-+^~?#@()%ab:/&;.\n 李") for _ in range(300))
    encoded = sinks.jira_wiki(text, 5000)
    assert _unwiki(encoded) == text
    bare = re.sub(r"(?<!\\)\\[-#*_+?^~|%{}\[\]()!@]", "", encoded)
    assert not re.search(r"[-#*_+?^~|%{}\[\]()!@]", bare)
    assert "\\\\" not in bare  # a forced line break


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("{code}", r"\{code\}"),
        ("{color:red}", r"\{color:red\}"),
        ("[a|file:///etc]", "\\[a\\|file:\u200b///etc\\]"),
        ("!http://tracker/x.png!", "\\!http:\u200b//tracker/x.png\\!"),
        ("[~accountid:5]", r"\[\~accountid:5\]"),
        ("h1. big", "h1\u200b. big"),
        ("a\nbq. said", "a\nbq\u200b. said"),
        ("----", r"\-\-\-\-"),
        ("a\r\nb", "a\nb"),
    ],
)
def test_x009_x011_wiki_cases(text: str, encoded: str) -> None:
    assert sinks.jira_wiki(text, 99) == encoded


@pytest.mark.parametrize(
    "text",
    ["{{ticket.requester.email}}", "{{{{x}}}}", "{%if%}", "{\u200b{ticket.id}}", "{\x00{ticket.id}}", "{\u202e{x}}"],
)
def test_x022_zendesk_expands_nothing(text: str) -> None:
    encoded = sinks.zendesk(text, 200)
    assert "{{" not in encoded
    assert "{%" not in encoded
    assert "ticket" in encoded or "x" in encoded or "if" in encoded


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("**b** `c` [x](y)", "\\*\\*b\\*\\* \\`c\\` \\[x\\](y)"),
        ("<script>", "<\u200bscript\\>"),
        ("&#123;&#123;", "&\u200b\\#123;&\u200b\\#123;"),
        ("- item\n1. one\n---\n> quote", "-\u200b item\n1\u200b. one\n-\u200b--\n\\> quote"),
        ("+60123456789", "+60123456789"),
        ("Siti Nur-Aisyah", "Siti Nur-Aisyah"),
    ],
)
def test_zendesk_markdown_and_html_stay_text(text: str, encoded: str) -> None:
    assert sinks.zendesk(text, 200) == encoded


@pytest.mark.parametrize(
    "name", ["None", "null", "nan", "O'Brien", "李", "أحمد", "👩‍👩‍👧‍👦", "ক্‍ষ", "می‌خواهم", "é", "🇲🇾", "👍🏽", "❤️"]
)
def test_x025_names_round_trip(name: str) -> None:
    assert sinks.shown(name) == name
    assert sinks.slack_plain(name, 99) == name
    assert html.unescape(sinks.mrkdwn(name, 99)) == name
    assert next(csv.reader(io.StringIO(sinks.csv_cell(name)))) == [name]


@pytest.mark.parametrize("encode", SHOWING)
def test_what_nobody_sees_is_gone(encode: Encoder) -> None:
    hidden = "\x00\x1b\x07\u200b\u200e\u202e\u2066\u2069\ufeff\u00ad\u2060\u180e\u3164\U000e0041"
    assert encode(f"Si{hidden}ti", 99) == "Siti"
    assert encode("Si\u200dti\u200c", 99) == "Siti"


def test_shown_is_one_line_of_80_characters_as_people_see_them() -> None:
    assert sinks.shown("Siti\nContact Number: 1\u2028x\ty") == "Siti Contact Number: 1 x y"
    assert sinks.shown("👩‍👩‍👧‍👦" * 80) == "👩‍👩‍👧‍👦" * 80
    assert sinks.shown("👩‍👩‍👧‍👦" * 81) == "👩‍👩‍👧‍👦" * 79 + "…"
    assert len(sinks.shown("o" + "\u0301" * 1000)) < 10
    assert len(sinks.shown("👩‍" * 10_000)) < 80 * 40


@pytest.mark.parametrize(
    "text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\x00=1", " =1", "\u200b=1", "＝1"]
)
def test_x016_csv_holds_no_formula(text: str) -> None:
    cell = sinks.csv_cell(text)
    assert cell.startswith("\"'")
    assert cell.endswith('"')
    assert "\x00" not in cell


def test_x016_csv_quotes() -> None:
    row = ",".join(sinks.csv_cell(text) for text in ('say "hi", Siti', "two\nlines", "", "plain"))
    assert list(csv.reader(io.StringIO(row, newline=""))) == [['say "hi", Siti', "two\nlines", "", "plain"]]
    assert sinks.csv_cell("plain") == '"plain"'


def test_x016_a_plain_cell_takes_the_short_way_and_no_other_does(monkeypatch: pytest.MonkeyPatch) -> None:
    picked = random.Random(16)
    signs = "aZ09 =+-@\"'\t\r\n\x00\x7f\u200b\u00e9\uff1d,;:_|~!#"
    texts = ["".join(picked.choices(signs, k=picked.randrange(6))) for _ in range(20_000)]
    short = [sinks.csv_cell(text) for text in texts]
    assert sum(map(bool, map(sinks.PLAIN.fullmatch, texts))) > 1000
    monkeypatch.setattr(sinks, "PLAIN", re.compile(r"(?!)"))
    assert [sinks.csv_cell(text) for text in texts] == short


def test_x018_one_line_shows_escapes() -> None:
    assert sinks.one_line("\n2026 ERROR fake\x1b[2J", 99) == r"\n2026 ERROR fake\x1b[2J".replace(r"\n", r"\x0a")
    assert sinks.one_line("a\\x1b\u202e\u200b\U000e0041", 99) == r"a\\x1b\u202e\u200b\U000e0041"
    assert "\n" not in sinks.one_line("a\r\n\x85\u2028b", 99)


@pytest.mark.parametrize("encode", ENCODERS)
@pytest.mark.parametrize("text", ["a" * 10_000 + "!", "\n" * 10_000, " " * 10_000, "1" * 10_000, "{" * 10_000])
def test_x020_no_text_is_slow(encode: Encoder, text: str) -> None:
    began = time.perf_counter()
    encode(text, 3000)
    assert time.perf_counter() - began < 0.5  # quadratic would be seconds; the regexes alone are under 10 ms


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://bank.example@evil.example/",
        "https://evil.example/>|x",
        "https://evil.example/ x",
        "https://evil.example\n/x",
        "https://еvil.example/",
        "https://[::1",
        "https://a.example:99999999/",
        "//evil.example",
        "https:/evil",
        "https://a.example/\u202ex",
        "",
    ],
)
def test_an_odd_address_is_text_and_no_link(url: str) -> None:
    assert sinks.web_url(url) is None
    assert not re.search(r"[<>]", sinks.slack_link(url, "label", 999))
    assert not re.search(r"(?<!\\)\[", sinks.jira_link(url, 999))
    assert not re.search(r"(?<!\\)\[", sinks.mattermost_link(url, "label", 999))


def test_links_are_encoded() -> None:
    url = "https://b.example/c/1?a=1&b=2|3"
    assert sinks.slack_link(url, "<!here>|x", 999) == "<https://b.example/c/1?a=1&amp;b=2%7C3|&lt;!here&gt;|x>"
    assert sinks.jira_link(url, 999) == "[https://b.example/c/1?a=1&b=2%7C3]"
    assert (
        sinks.jira_link("https://b.example/{code}[x]~a!b!", 999) == "[https://b.example/%7Bcode%7D%5Bx%5D%7Ea%21b%21]"
    )
    assert sinks.web_url("https://b.example/李") == "https://b.example/%E6%9D%8E"
    assert sinks.slack_link(url, "label", 20).count("<") == 0
    assert sinks.mattermost_link(url, "[@all](x)", 999) == "[(@\u200ball)(x)](https://b.example/c/1?a=1&b=2%7C3)"
    assert sinks.mattermost_link(url, "label", 20).count("[") == 0

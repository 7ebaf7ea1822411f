"""A customer's own words: what the mail program quoted, forwarded or signed is left out (features 0.32).

Pure and linear. In doubt a line stays: a threat that is shown once too often is judged by a person, one that is cut
away is lost. Only what stands *above* a quoted message is kept, and what is written between `>` lines.
"""

from __future__ import annotations

import re

ROOM = 400  # characters looked at in one line; a longer one is nobody's header
QUOTE = re.compile(r"\s{0,3}[>|＞]")
SIGNATURE = re.compile(r"--\s?")
# Everything below these is an older message.
OLDER = re.compile(
    r"-{2,}\s*(original message|original appointment|mesej asal|reply message|原始邮件)\s*-{2,}"
    r"|-{2,}\s*(forwarded message|mesej dimajukan|mesej yang dimajukan|转发的邮件)\s*-{2,}"
    r"|begin forwarded message:|mula mesej dimajukan:"
    r"|_{10,}",
    re.IGNORECASE,
)
# "On Mon, 3 Nov 2026 at 10:00, Desk <desk@example.com> wrote:", broken over two or three lines by the mail program.
WROTE_BEGINS = re.compile(r"(on|pada|在|于)\s?.{0,300}", re.IGNORECASE)
WROTE_ENDS = re.compile(r".{0,300}(\bwrote|\bmenulis|\btelah menulis|写道)\s?[:：]", re.IGNORECASE)
DATED = re.compile(r"\d")
# The block that Outlook puts above an older message: From, then Sent or Date within a few lines.
FROM = re.compile(r"\*?(from|daripada|dari|发件人)\s?[:：]\*?", re.IGNORECASE)
SENT = re.compile(r"\*?(sent|date|dihantar|tarikh|发送时间|日期)\s?[:：]\*?", re.IGNORECASE)


def own_words(text: str) -> str:
    """The text without quoted lines, older messages below and signature; line breaks as `\\n`."""
    lines = re.sub(r"\r\n?|[\u2028\u2029\x85]", "\n", text).split("\n")
    kept: list[str] = []
    for at, line in enumerate(lines):
        bare = line.strip()[:ROOM]
        if QUOTE.match(line[:ROOM]):
            continue
        if SIGNATURE.fullmatch(line.lstrip()[:4]) or _older(lines, at, bare):
            break
        kept.append(line)
    return "\n".join(kept)


def _older(lines: list[str], at: int, bare: str) -> bool:
    """Whether an older message begins at this line."""
    if OLDER.match(bare):
        return True
    if FROM.match(bare):
        return any(SENT.match(line.strip()[:ROOM]) for line in lines[at + 1 : at + 4])
    if not WROTE_BEGINS.match(bare):
        return False
    header = ""
    for line in lines[at : at + 3]:
        header += " " + line.strip()[:ROOM]
        if WROTE_ENDS.fullmatch(header.strip()[: 3 * ROOM]):
            return DATED.search(header) is not None
    return False

"""A customer's own words: what the mail program quoted, forwarded or signed is left out (features 0.32).

Pure and linear. In doubt a line stays: a threat that is shown once too often is judged by a person, one that is cut
away is lost. Of a quoted message without marks only what stands *above* it is kept; of one with `>` marks also what is
written between and below them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

ROOM = 400  # characters looked at in one line; a longer one is nobody's header
LINE_END = re.compile(r"\r\n?|[\n\u2028\u2029\x85]")
QUOTE = re.compile(r"\s{0,3}[>|＞]")
SIGNATURE = re.compile(r"--\s?")
# Everything below these is an older message.
OLDER = re.compile(
    r"-{2,}\s*(original message|original appointment|mesej asal|reply message|原始邮件|原始郵件)\s*-{2,}"
    r"|-{2,}\s*(forwarded message|mesej dimajukan|mesej yang dimajukan|转发的邮件|轉寄的郵件)\s*-{2,}"
    r"|begin forwarded message:|mula mesej dimajukan:"
    r"|_{10,}",
    re.IGNORECASE,
)
# "On Mon, 3 Nov 2026 at 10:00, Desk <desk@example.com> wrote:", broken over two or three lines by the mail program.
WROTE_BEGINS = re.compile(r"(on|pada|在|于|於|\d)\s?.{0,300}", re.IGNORECASE)
WROTE_ENDS = re.compile(
    r".{0,300}(\bwrote|\bmenulis|\btelah menulis|写道|寫道|எழுதியது|எழுதினார்)\s?[:：]", re.IGNORECASE
)
DATED = re.compile(r"\d")
# The block that Outlook puts above an older message: From, then Sent or Date within a few lines.
FROM = re.compile(r"\*?(from|daripada|dari|发件人|寄件者|寄件人)\s?[:：]\*?", re.IGNORECASE)
SENT = re.compile(r"\*?(sent|date|dihantar|tarikh|发送时间|傳送時間|日期)\s?[:：]\*?", re.IGNORECASE)


@dataclass(frozen=True)
class Own:
    """A customer's own words, line breaks as `\\n`; `starts`: where each line begins, here and in the original."""

    text: str = field(repr=False)
    starts: tuple[tuple[int, int], ...]

    def original(self, at: int) -> int:
        """The place in the original text."""
        here, there = self.starts[max(bisect_right(self.starts, (at, 1 << 62)) - 1, 0)]
        return there + at - here


def own_words(text: str) -> str:
    """The text without quoted lines, older messages below and signature; line breaks as `\\n`."""
    return own(text).text


def own(text: str) -> Own:
    """The same, with the places of its lines in the original."""
    ends = [*LINE_END.finditer(text)]
    begins = [0, *(end.end() for end in ends)]
    lines = [text[a:b] for a, b in zip(begins, [*(end.start() for end in ends), len(text)], strict=True)]
    starts, at = [], 0
    kept = _kept(lines)
    for number in kept:
        starts.append((at, begins[number]))
        at += len(lines[number]) + 1
    return Own("\n".join(lines[number] for number in kept), tuple(starts) or ((0, 0),))


def _kept(lines: list[str]) -> list[int]:
    """The numbers of the lines that are the customer's own."""
    kept: list[int] = []
    message, marked, quoted = 0, False, False  # where the quoted message begins; it has marks; the last line had one
    for at, line in enumerate(lines):
        bare = line.strip()[:ROOM]
        if at < message:
            continue
        if _quotes(line):
            quoted = marked
            continue
        if quoted and bare:
            continue  # the rest of a quoted line, which the mail program has broken
        quoted = False
        if below := _wrote(lines, at, bare):
            message, marked = below, any(map(_quotes, lines[below : below + 3]))
        if (below and not marked) or SIGNATURE.fullmatch(line.lstrip()[:4]) or _older(lines, at, bare):
            break
        if not below:
            kept.append(at)
    return kept


def _quotes(line: str) -> bool:
    return QUOTE.match(line[:ROOM]) is not None


def _older(lines: list[str], at: int, bare: str) -> bool:
    """Whether an older message begins at this line."""
    if OLDER.match(bare):
        return True
    if FROM.match(bare):
        return any(SENT.match(line.strip()[:ROOM]) for line in lines[at + 1 : at + 4])
    return False


def _wrote(lines: list[str], at: int, bare: str) -> int:
    """The number of the line below a header "On …, … wrote:" that begins at this line; 0: none does."""
    if not WROTE_BEGINS.match(bare):
        return 0
    header = ""
    for below, line in enumerate(lines[at : at + 3], at + 1):
        header += " " + line.strip()[:ROOM]
        if WROTE_ENDS.fullmatch(header.strip()[: 3 * ROOM]):
            return below if DATED.search(header) else 0
    return 0

"""A text as words with what the lists know of them: which may make a threat, and which cues stand where."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from app.threats import clauses
from app.threats.chars import EMOJI
from app.threats.lexicon import Lexicon, Node, Rule
from app.threats.spell import Speller
from app.threats.tokens import Token, tokens

PIECES = 8  # words that may belong to one that was cut up
FRIEND = "homonym"
SURE = 6  # letters; what is shorter is put together from single letters only
LETTERS = 24  # single letters in a row that may be one word or name
CLAUSE = Rule("clause", "regulator", "shared practice: somebody is meant and not named")


@dataclass(frozen=True, slots=True)
class Anchor:
    """Words of the lists at [first, last) of the words."""

    rule: Rule
    first: int
    last: int


@dataclass
class Reading:
    """`words`: the text; `cues`: word number -> the cues there; `sentence`: word number -> sentence number; `parts`:
    app.threats.clauses; `clauses`: those of them without an anchor."""

    words: list[Token] = field(repr=False)
    cues: list[list[str]]
    sentence: list[int]
    anchors: list[Anchor]
    clauses: list[Anchor]
    parts: list[tuple[int, int]]

    def part(self, anchor: Anchor) -> int:
        """The number of the part in which this anchor begins."""
        return bisect_right(self.parts, anchor.first, key=lambda one: one[0]) - 1

    def near(self, first: int, last: int) -> Iterator[Anchor]:
        """The anchors that begin in [first, last)."""
        at = bisect_left(self.anchors, first, key=lambda one: one.first)
        while at < len(self.anchors) and self.anchors[at].first < last:
            yield self.anchors[at]
            at += 1


def read(text: str, lexicon: Lexicon, speller: Speller) -> Reading:
    """Linear in the length of the text."""
    words = list(_spelled(_joined(list(tokens(text)), lexicon), speller))
    cues: list[list[str]] = [[] for _ in words]
    found: list[tuple[int, int, Rule | None]] = []  # None: a false friend, which covers what begins inside it
    for at in range(len(words)):
        longest: tuple[int, Rule | None] = (0, None)
        for length, node in _matches(words, at, lexicon):
            cues[at].extend(node.cues)
            if (node.rule is not None and length > longest[0]) or (FRIEND in node.cues and length >= longest[0]):
                longest = (length, None if FRIEND in node.cues else node.rule)
        if longest[0]:
            found.append((at, at + longest[0], longest[1]))
    sentence, anchors = _sentences(words), list(_outermost(found))
    parts = list(clauses.parts(words, sentence))
    unnamed = clauses.unnamed(words, parts, [anchor.first for anchor in anchors])
    return Reading(words, cues, sentence, anchors, [Anchor(CLAUSE, *one) for one in unnamed], parts)


def _outermost(found: Sequence[tuple[int, int, Rule | None]]) -> Iterator[Anchor]:
    """What stands at the words, without what begins inside something longer."""
    end = 0
    for at, (first, last, rule) in enumerate(found):
        if first < end:
            continue
        following = found[at + 1] if at + 1 < len(found) else None
        if rule is None and following and following[0] < last < following[1]:
            continue  # a false friend that is the beginning of a name
        end = last
        if rule is not None:
            yield Anchor(rule, first, last)


def _matches(words: Sequence[Token], at: int, lexicon: Lexicon) -> Iterator[tuple[int, Node]]:
    """Every phrase of the lists that begins at this word, and its length in words."""
    node: Node | None = lexicon.tree
    for length, word in enumerate(words[at : at + 12], 1):
        if node is None or (length > 1 and not word.joined):
            break
        if node.stems and word.kind != ".":
            for size in range(2, min(len(word.folded), 24) + 1):
                stem = node.stems.get(word.folded[:size])
                if stem is not None:
                    yield length, stem
        if length == 1 and word.kind in ("a", "t"):
            for size in range(2, min(len(word.folded), 10)):
                names = lexicon.endings.get(word.folded[-size:])
                if names:
                    yield 1, Node(cues=names)
        node = node.next.get(word.folded)
        if node is not None and (node.rule is not None or node.cues):
            yield length, node


def _joined(words: list[Token], lexicon: Lexicon) -> list[Token]:
    """Words that were cut up (b n m, law yer) or written in one (policereport) as the words they are."""
    out: list[Token] = []
    at = 0
    while at < len(words):
        word = words[at]
        key: tuple[str, ...] | None = None
        used = 1
        if word.kind == "a":
            key, used = _cut(words, at, lexicon) if len(word.folded) <= 7 else (None, 1)
            if key is None and len(word.folded) >= 8 and len(word.folded) <= 40:
                key = lexicon.runs.get(word.folded)
        if key is None or key == (word.folded,):
            out.append(word)
            at += 1
            continue
        end = words[at + used - 1].end
        out.extend(replace(word, folded=one, end=end, joined=word.joined or bool(n)) for n, one in enumerate(key))
        at += used
    return out


def _cut(words: list[Token], at: int, lexicon: Lexicon) -> tuple[tuple[str, ...] | None, int]:
    """The longest run of pieces from here that makes words of the lists."""
    best: tuple[tuple[str, ...] | None, int] = (None, 1)
    run, singles = "", True
    for count, word in enumerate(words[at : at + LETTERS], 1):
        if word.kind != "a" or (count > 1 and not word.joined):
            break
        run += word.folded
        singles = singles and len(word.folded) == 1
        if len(run) > 40 or (count > PIECES and not singles):
            break
        if count < 2:
            continue
        key = lexicon.runs.get(run)
        pieces = tuple(one.folded for one in words[at : at + count])
        if key is None or pieces in lexicon.phrases or any((piece,) in lexicon.phrases for piece in pieces):
            continue
        if singles or (len(run) >= SURE and any(piece not in key for piece in pieces)):
            best = (key, count)
    return best


def _spelled(words: list[Token], speller: Speller) -> Iterator[Token]:
    for word in words:
        if word.kind == "e":
            yield replace(word, folded=EMOJI[word.folded])
        elif word.kind == "a":
            right = speller.right(word.folded)
            yield word if right == word.folded else replace(word, folded=right)
        elif word.kind == "@":
            yield replace(word, folded=_body(word.folded), joined=False)
        else:
            yield word


BODIES = ("bnm", "kpkt", "mcmc", "skmm", "pdp", "kpdn", "rmp", "fmos", "sprm", "ssm", "ofs")


def _body(address: str) -> str:
    """The public body that an address belongs to, as a word of the lists; else only that it is an address."""
    host = address.rpartition("@")[2].split("/")[0 if "://" not in address else 2]
    parts = host.split(".")
    for body in BODIES:
        if body in parts and ("gov" in parts or "org" in parts):
            return {"pdp": "jpdp", "rmp": "pdrm"}.get(body, body)
    return "regulator" if "gov" in parts and "my" in parts else "(address)"


def _sentences(words: Sequence[Token]) -> list[int]:
    number, out = 0, []
    for word in words:
        out.append(number)
        number += word.kind == "." and word.folded in (".", "!", "?", "\n")
    return out

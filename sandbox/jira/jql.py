"""The part of JQL that a client of issues needs: fields, comparisons, AND, OR, NOT, parentheses, ORDER BY.

Source: support.atlassian.com "Use advanced search with JQL". Labels and keys compare exactly, names without case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.jira.state import Issue
from sandbox.jira.workflow import CATEGORIES, ISSUE_TYPES, RESOLUTIONS

TOKEN = re.compile(r"""\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(!=|!~|<=|>=|[=<>~(),!])|([^\s=!<>~(),"']+))""")
UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
Test = Callable[[Issue], bool]
Key = Callable[[Issue], Any]


class JqlError(Exception):
    """A query that JIRA answers with 400; the text is the error message."""


class Query:
    """A parsed query: `matches(issue)` and `order(issues)`; `bounded` is False when nothing restricts it."""

    def __init__(self, text: str, project: str) -> None:
        self._project = project
        self._tokens = _tokens(text)
        self._at = 0
        self.bounded = bool(self._tokens) and not self._word("order")
        self._test: Test = self._either() if self.bounded else (lambda issue: True)
        self._keys = self._order_by()
        if self._at < len(self._tokens):
            raise self._broken()

    def matches(self, issue: Issue) -> bool:
        """Whether the issue fits."""
        return self._test(issue)

    def order(self, issues: Iterable[Issue]) -> list[Issue]:
        """In the order asked for; newest first when none was."""
        ordered = sorted(issues, key=lambda issue: issue.id, reverse=True)
        for key, descending in reversed(self._keys):
            ordered.sort(key=key, reverse=descending)
        return ordered

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise self._broken()
        self._at += 1
        return token

    def _word(self, *words: str) -> bool:
        """Whether the next tokens are these (unquoted) words."""
        found = self._tokens[self._at : self._at + len(words)]
        return [token.lower() for token in found] == list(words)

    def _take(self, *words: str) -> bool:
        if self._word(*words):
            self._at += len(words)
            return True
        return False

    def _broken(self) -> JqlError:
        near = self._peek()
        where = f"Expecting operator or value but got '{near}'." if near else "The query ends too early."
        return JqlError(f"Error in the JQL Query: {where} (line 1, character {self._at + 1})")

    def _either(self) -> Test:
        tests = [self._both()]
        while self._take("or"):
            tests.append(self._both())
        return lambda issue: any(test(issue) for test in tests)

    def _both(self) -> Test:
        tests = [self._single()]
        while self._take("and"):
            tests.append(self._single())
        return lambda issue: all(test(issue) for test in tests)

    def _single(self) -> Test:
        if self._take("not") or self._take("!"):
            inner = self._single()
            return lambda issue: not inner(issue)
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                raise self._broken()
            return inner
        return self._clause()

    def _clause(self) -> Test:
        name = _bare(self._next())
        read = _field(name)
        if self._take("is"):
            negative = self._take("not")
            if not (self._take("empty") or self._take("null")):
                raise self._broken()
            return lambda issue: bool(read(issue)) == negative
        negative = self._take("not")
        if self._take("in"):
            wanted = self._list(name)
            return lambda issue: _any(read(issue), wanted) != negative and (not negative or bool(read(issue)))
        if negative:
            raise self._broken()
        return self._compare(name, read, self._next())

    def _compare(self, name: str, read: Callable[[Issue], list[str]], sign: str) -> Test:
        value = _bare(self._next())
        if sign in {"=", "!="}:
            wanted = {self._value(name, value)}
            if sign == "=":
                return lambda issue: _any(read(issue), wanted)
            return lambda issue: bool(read(issue)) and not _any(read(issue), wanted)
        if sign in {"~", "!~"} and name.lower() in {"summary", "description", "text"}:
            return lambda issue: (value.lower() in " ".join(read(issue)).lower()) == (sign == "~")
        if sign in {"<", "<=", ">", ">="} and name.lower() in DATES:
            return _before_or_after(DATES[name.lower()], sign, _moment(value))
        raise JqlError(f"The operator '{sign}' is not supported by the '{name}' field.")

    def _list(self, name: str) -> set[str]:
        if not self._take("("):
            raise self._broken()
        values = {self._value(name, _bare(self._next()))}
        while self._take(","):
            values.add(self._value(name, _bare(self._next())))
        if not self._take(")"):
            raise self._broken()
        return values

    def _value(self, name: str, value: str) -> str:
        known = KNOWN.get(name.lower())
        if name.lower() == "project":
            known = {self._project, "10000"}
        if known is not None and value.lower() not in {entry.lower() for entry in known}:
            raise JqlError(f"The value '{value}' does not exist for the field '{name}'.")
        return self._project if value == "10000" and name.lower() == "project" else value

    def _order_by(self) -> list[tuple[Key, bool]]:
        keys: list[tuple[Key, bool]] = []
        if not self._take("order", "by"):
            return keys
        while True:
            name = _bare(self._next())
            read = SORT.get(name.lower())
            if read is None:
                raise JqlError(f"Not able to sort using field '{name}'.")
            descending = self._take("desc")
            if not descending:
                self._take("asc")
            keys.append((read, descending))
            if not self._take(","):
                return keys


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise JqlError(f"Error in the JQL Query: The character '{text[at]}' is not allowed. (character {at + 1})")
        found.append(match.group(0).strip())
        at = match.end()
    return found


def _bare(token: str) -> str:
    """The value of a word or of a quoted text."""
    if token[0] in "\"'":
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    if token in {"=", "!=", "(", ")", ",", "<", ">", "<=", ">=", "~", "!~", "!"}:
        raise JqlError(f"Error in the JQL Query: Expecting a value but got '{token}'.")
    return token


def _any(values: list[str], wanted: set[str]) -> bool:
    return bool({v.lower() for v in values} & {w.lower() for w in wanted})


def _field(name: str) -> Callable[[Issue], list[str]]:
    read = FIELDS.get(name.lower())
    if read is None:
        raise JqlError(f"Field '{name}' does not exist or you do not have permission to view it.")
    return read


def _moment(value: str) -> datetime:
    if match := re.fullmatch(r"([+-]?\d+)([mhdw])", value):
        return datetime.now(UTC) + timedelta(seconds=int(match[1]) * UNITS[match[2]])
    for form in ("%Y-%m-%d", "%Y/%m/%d", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M"):
        try:
            return datetime.strptime(value, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise JqlError(f"Date value '{value}' is invalid. Valid formats include: 'yyyy-MM-dd HH:mm', 'yyyy-MM-dd', '-5d'.")


def _before_or_after(read: Callable[[Issue], datetime], sign: str, moment: datetime) -> Test:
    return {
        "<": lambda issue: read(issue) < moment,
        "<=": lambda issue: read(issue) <= moment,
        ">": lambda issue: read(issue) > moment,
        ">=": lambda issue: read(issue) >= moment,
    }[sign]


def _resolution(issue: Issue) -> list[str]:
    return [RESOLUTIONS[issue.resolution][0]] if issue.resolution else []


FIELDS: dict[str, Callable[[Issue], list[str]]] = {
    "project": lambda issue: [issue.key.rpartition("-")[0]],
    "labels": lambda issue: issue.labels,
    "status": lambda issue: [issue.at.name, issue.at.id],
    "statuscategory": lambda issue: [issue.at.category, CATEGORIES[issue.at.category][2]],
    "resolution": _resolution,
    "type": lambda issue: [ISSUE_TYPES[issue.type], issue.type],
    "issuetype": lambda issue: [ISSUE_TYPES[issue.type], issue.type],
    "summary": lambda issue: [issue.summary],
    "description": lambda issue: [issue.description or ""],
    "text": lambda issue: [issue.summary, issue.description or ""],
    "created": lambda issue: [issue.created.isoformat()],
    "updated": lambda issue: [issue.updated.isoformat()],
    **{name: lambda issue: [issue.key, str(issue.id)] for name in ("key", "issuekey", "issue", "id")},
}
DATES: dict[str, Callable[[Issue], datetime]] = {
    "created": lambda issue: issue.created,
    "updated": lambda issue: issue.updated,
}
KNOWN: dict[str, set[str]] = {
    "status": {"To Do", "In Progress", "Done", "Won't do", "10000", "3", "10001", "10002"},
    "statuscategory": {*CATEGORIES, "To Do", "In Progress", "Done"},
    "resolution": {name for name, _ in RESOLUTIONS.values()},
    "type": {*ISSUE_TYPES, *ISSUE_TYPES.values()},
    "issuetype": {*ISSUE_TYPES, *ISSUE_TYPES.values()},
}
SORT: dict[str, Key] = {
    "created": lambda issue: issue.created,
    "updated": lambda issue: issue.updated,
    "summary": lambda issue: issue.summary,
    "status": lambda issue: issue.at.id,
    **{name: lambda issue: issue.id for name in ("key", "issuekey", "id")},
}

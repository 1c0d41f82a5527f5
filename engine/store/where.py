"""`--where 'fields.amount > 500 and state == closed'`: conditions that people type, as a safe clause.

Reads and compiles only. Names are checked against what the activity types declare, literals are
bound as parameters, and each comparison is made in the declared type of its field.

    or          = and, {("or" | "||"), and}
    and         = not, {("and" | "&&"), not}
    not         = ("not" | "!"), not | "(", or, ")" | comparison
    comparison  = name, [("==" | "!=" | "<" | "<=" | ">" | ">=" | "contains"), literal]
    literal     = number | 'text' | "text" | `literal` | true | false | null | word
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt, ne
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Numeric, and_, bindparam, case, cast, false, func, literal, not_, or_, true
from sqlalchemy import Text as SqlText

from engine.errors import FeedError
from engine.model import ActivityType
from engine.store.tables import activities

Clause: TypeAlias = ColumnElement[bool]

_NUMBERS = {"integer", "decimal", "money"}
_BOOLEANS = {"boolean", "yesNo"}
_TIMES = {"date", "dateTime"}
_WHOLE = {"list", "object"}
_COLUMNS: Mapping[str, str] = {"occurred": "dateTime", "state": "string", "type": "string", "key": "string"}
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": eq, "=": eq, "!=": ne, "<>": ne, "<": lt, "<=": le, ">": gt, ">=": ge,
}  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?(?![\w.-]))|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`)"
    r"|(?P<sign>==|!=|<>|<=|>=|&&|\|\||[=<>!()])|(?P<word>[A-Za-z_0-9][\w.:+-]*))"
)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMBER = r"^-?[0-9]+(\.[0-9]+)?$"


class WhereError(FeedError):
    """The condition cannot be used; the text shows where."""


class Token(NamedTuple):
    kind: str  # number, text, sign, word, end
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class _Literal:
    kind: str  # number, text, boolean, null
    text: str
    at: int


def clause(text: str, types: Iterable[ActivityType], dialect: str) -> Clause:
    """The condition as a clause on `activities`. `types` are those that are searched.

    Raises WhereError with a caret under the place, and the nearest name for an unknown one.
    """
    return _Reader(text, _declared(types), dialect).whole()


def _declared(types: Iterable[ActivityType]) -> dict[str, set[str]]:
    """{field: its declared types} of all activity types that are searched."""
    found: dict[str, set[str]] = {}
    for kind in types:
        for name, field in kind.fields.items():
            found.setdefault(name, set()).add(field.type)
    return found


def _tokens(text: str) -> list[Token]:
    tokens, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise _error(text, start, f"this cannot be read: {text[start]!r}")
        tokens.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return [*tokens, Token("end", "", len(text))]


class _Reader:
    """Reads one condition from left to right."""

    def __init__(self, text: str, fields: Mapping[str, set[str]], dialect: str) -> None:
        self._text = text
        self._fields = fields
        self._is_sqlite = dialect == "sqlite"
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Clause:
        found = self._either()
        rest = self._peek()
        if rest.kind != "end":
            raise self._wrong(rest.at, "expected `and`, `or` or the end")
        return found

    def _either(self) -> Clause:
        parts = [self._both()]
        while self._taken("or", "||"):
            parts.append(self._both())
        return or_(*parts) if len(parts) > 1 else parts[0]

    def _both(self) -> Clause:
        parts = [self._negated()]
        while self._taken("and", "&&"):
            parts.append(self._negated())
        return and_(*parts) if len(parts) > 1 else parts[0]

    def _negated(self) -> Clause:
        self._depth += 1
        if self._depth > 50:  # noqa: PLR2004  (Python's own stack ends long after)
            raise self._wrong(self._peek().at, "nested too deeply")
        try:
            if self._taken("not", "!"):
                return not_(func.coalesce(self._negated(), false()))
            if self._taken("("):
                found = self._either()
                if not self._taken(")"):
                    raise self._wrong(self._peek().at, "expected `)`")
                return found
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Clause:
        name = self._peek()
        if name.kind != "word":
            raise self._wrong(name.at, "expected a name such as fields.amount, state or occurred")
        self._at += 1
        kind = self._kind(name)
        sign = self._peek()
        if sign.kind == "sign" and sign.text in _OPERATORS:
            self._at += 1
            return self._compared(name, kind, sign.text, self._literal())
        if self._taken("contains"):
            return self._containing(name, self._literal())
        if kind in _BOOLEANS:
            return self._compared(name, kind, "==", _Literal("boolean", "true", name.at))
        raise self._wrong(sign.at, f"expected a comparison after {name.text}: == != < <= > >= contains")

    def _kind(self, name: Token) -> str:
        """The declared type; the name must be one that some searched type has."""
        if name.text in _COLUMNS:
            return _COLUMNS[name.text]
        field = name.text.removeprefix("fields.")
        if field == name.text or field not in self._fields:
            choices = [*_COLUMNS, *(f"fields.{each}" for each in self._fields)]
            wanted = name.text if name.text.startswith("fields.") else f"fields.{name.text}"
            close = difflib.get_close_matches(wanted, choices, 1) or difflib.get_close_matches(name.text, choices, 1)
            offer = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(choices))}"
            raise self._wrong(name.at, f"no field of this name: {name.text}{offer}")
        kinds = self._fields[field]
        if len({_class(kind) for kind in kinds}) > 1:
            raise self._wrong(name.at, f"{name.text} is {' or '.join(sorted(kinds))} here; say which with --type")
        return min(kinds)

    def _literal(self) -> _Literal:
        token = self._peek()
        self._at += 1
        if token.kind == "number":
            return _Literal("number", token.text, token.at)
        if token.kind == "text":
            inner = token.text[1:-1] if token.text[0] == "`" else re.sub(r"\\(.)", r"\1", token.text[1:-1])
            kind = _kind_of_word(inner) if token.text[0] == "`" else "text"
            return _Literal(kind, inner.strip("\"'") if kind == "text" and token.text[0] == "`" else inner, token.at)
        if token.kind == "word":
            return _Literal(_kind_of_word(token.text), token.text, token.at)
        raise self._wrong(token.at, "expected a number, 'text', true, false or null")

    # --- comparisons -------------------------------------------------------------------------

    def _compared(self, name: Token, kind: str, sign: str, wanted: _Literal) -> Clause:
        operator = _OPERATORS[sign]
        stored = self._stored(name.text)
        if wanted.kind == "null":
            if operator not in (eq, ne):
                raise self._wrong(wanted.at, "null is only == or !=")
            return stored.is_(None) if operator is eq else stored.is_not(None)
        if kind in _NUMBERS:
            return self._number(stored, operator, wanted)
        if kind in _BOOLEANS:
            return self._boolean(name, stored, operator, wanted)
        if kind in _WHOLE:
            raise self._wrong(name.at, f"{name.text} is a {kind}: only `contains 'text'` and null can be asked of it")
        column: ColumnElement[Any] = cast(stored, SqlText)
        if kind in _TIMES and _DAY.fullmatch(wanted.text):
            column = func.substr(column, 1, 10)  # a day, held against the day of a date-time
        return operator(column, bindparam(None, wanted.text))  # type: ignore[no-any-return]

    def _number(self, stored: ColumnElement[Any], operator: Callable[[Any, Any], Any], wanted: _Literal) -> Clause:
        try:
            number = Decimal(wanted.text)
        except InvalidOperation:
            raise self._wrong(wanted.at, f"expected a number, found {wanted.text!r}") from None
        if not number.is_finite():
            raise self._wrong(wanted.at, f"expected a number, found {wanted.text!r}")
        text = cast(stored, SqlText)
        if self._is_sqlite:
            # SQLite reads as much of a text as looks like a number: what does not as a whole is no match.
            sound = and_(text.bool_op("GLOB")("*[0-9]*"), not_(text.bool_op("GLOB")("*[^0-9.-]*")))
        else:
            sound = text.regexp_match(_NUMBER)
        guarded = case((sound, cast(text, Numeric)), else_=None)
        return operator(guarded, cast(bindparam(None, format(number, "f"), SqlText), Numeric))  # type: ignore[no-any-return]

    def _boolean(
        self, name: Token, stored: ColumnElement[Any], operator: Callable[[Any, Any], Any], wanted: _Literal
    ) -> Clause:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if operator not in (eq, ne) or wanted.text.lower() not in words:
            raise self._wrong(wanted.at, f"{name.text} is true or false")
        value = words[wanted.text.lower()]
        meant: Any = literal(int(value)) if self._is_sqlite else literal(str(value).lower())
        return operator(stored, meant)  # type: ignore[no-any-return]

    def _containing(self, name: Token, wanted: _Literal) -> Clause:
        text = func.lower(cast(self._stored(name.text), SqlText))
        return text.contains(wanted.text.lower(), autoescape=True) if wanted.text else true()

    def _stored(self, name: str) -> ColumnElement[Any]:
        if name in _COLUMNS:
            return activities.c[name]
        field = name.removeprefix("fields.")
        if self._is_sqlite:
            return func.json_extract(activities.c.fields, f'$."{field}"')
        return func.jsonb_extract_path_text(activities.c.fields, field)

    # --- the text ----------------------------------------------------------------------------

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _taken(self, *texts: str) -> bool:
        token = self._peek()
        if token.kind in ("sign", "word") and token.text.lower() in texts:
            self._at += 1
            return True
        return False

    def _wrong(self, at: int, message: str) -> WhereError:
        return _error(self._text, at, message)


def _kind_of_word(word: str) -> str:
    if word in ("true", "false"):
        return "boolean"
    if word == "null":
        return "null"
    return "number" if re.fullmatch(r"-?\d+(\.\d+)?", word) else "text"


def _class(kind: str) -> str:
    groups = (_NUMBERS, _BOOLEANS, _TIMES, _WHOLE)
    return next((min(group) for group in groups if kind in group), "text")


def _error(text: str, at: int, message: str) -> WhereError:
    shown = "".join(c if c.isprintable() else " " for c in text)
    return WhereError(f"--where: {message}\n  {shown}\n  {' ' * at}^")

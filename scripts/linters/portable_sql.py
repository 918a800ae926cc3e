"""Holds the SQL files of score/ to the few words of SQL that every engine understands the same way.

The text that computes the score runs unchanged on DuckDB today and on other engines later.
Each rule is here because an engine was seen to refuse the other way of writing, or, worse, to
give another number; `tests/contract/test_query_texts.py` runs the texts on those engines. Run by
`make check`; a line that has to differ ends in `-- lint-skip: <rule>` with the reason behind it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SQL_FOLDER = ROOT / "src" / "consumer_fusion" / "score"

FUNCTIONS = frozenset(
    "power ln exp sqrt abs sum count min max row_number coalesce nullif cast".split()
)  # fmt: skip
# Words that stand before a bracket without being a function.
_WORDS_BEFORE_BRACKETS = frozenset(
    "over in exists as on and or not when then else from join by select where case values having between "
    "union all with distinct end into intersect except order partition is".split()
)
_BANNED = (
    ("qualify", r"\bqualify\b", "Put the window in an inner select and filter outside."),
    ("filter", r"\bfilter\s*\(", "Write sum(case when ... then ... end)."),
    ("group-by-all", r"\b(?:group|order)\s+by\s+all\b", "Name the columns."),
    ("using", r"\busing\s*\(", "Write join ... on a.x = b.x."),
    ("natural-join", r"\bnatural\s+(?:inner\s+|left\s+|right\s+|full\s+)?join\b", "Write join ... on."),
    ("distinct-on", r"\bdistinct\s+on\b", "Use row_number with a total order."),
    ("list", r"\[|\]|\barray\b|\bunnest\b|\bstruct\b|\bmap\s*\{", "Lists differ on every engine; use rows."),
    (
        "time",
        r"\b(?:timestamp|timestamptz|interval|current_timestamp|current_date|current_time|extract|date)\b",
        "Time is an int64 of microseconds, a day is a stored column.",
    ),
    ("double-colon", r"::", "Write cast(x as type)."),
    ("modulo", r"%", "On integers engines differ; store the column that is needed."),
    ("integer-division", r"//|/\s*\d+\b(?![.\deE])", "Divide by a constant in exponent form, such as 2e0."),
    ("dialect-join", r"\b(?:asof|semi|anti|positional|lateral|pivot|unpivot)\b", "Only join and left join."),
    ("dialect-star", r"\*\s*(?:exclude|replace|except)\b", "Name the columns."),
    ("dialect-like", r"\b(?:ilike|similar\s+to|glob|regexp)\b", "Compare with = or in."),
)
_DECIMAL = re.compile(r"(?<![\w.])(?:\d+\.\d*|\.\d+)(?![\d.]*[eE][+-]?\d)(?!\w)")
_FUNCTION = re.compile(r"\b([A-Za-z_][A-Za-z0-9_]*)\s*\(")
_COMMON_TABLE = re.compile(r"(?:\bwith\b|,)\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a rule is broken."""

    line: int
    rule: str
    message: str


def check_text(text: str) -> list[Finding]:
    """Every broken rule of one SQL text, in the order of its lines."""
    code = _blank_comments_and_strings(text)
    lines = text.splitlines()
    found = [
        finding
        for finding in (
            *_find_banned(code),
            *_find_decimals(code),
            *_find_functions(code),
            *_find_orders(code),
            *_find_unnamed(code),
        )
        if f"lint-skip: {finding.rule}" not in lines[finding.line - 1]
    ]
    return sorted(set(found), key=lambda finding: (finding.line, finding.rule))


def _blank_comments_and_strings(text: str) -> str:
    """The text with comments and string constants as blanks, so that places stay the same."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match.group())

    return re.sub(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", blank, text, flags=re.DOTALL)


def _line_of(code: str, position: int) -> int:
    return code.count("\n", 0, position) + 1


def _find_banned(code: str) -> Iterator[Finding]:
    for rule, pattern, message in _BANNED:
        for match in re.finditer(pattern, code, re.IGNORECASE):
            yield Finding(_line_of(code, match.start()), rule, f"'{match.group().strip()}': {message}")


def _find_decimals(code: str) -> Iterator[Finding]:
    for match in _DECIMAL.finditer(code):
        yield Finding(
            _line_of(code, match.start()),
            "decimal",
            f"'{match.group()}' is a DECIMAL on some engines; write it in exponent form, such as 5e-1.",
        )


def _find_functions(code: str) -> Iterator[Finding]:
    for match in _FUNCTION.finditer(code):
        name = match.group(1).lower()
        if name in FUNCTIONS or name in _WORDS_BEFORE_BRACKETS or name in {"filter", "using"}:
            continue
        # `with parts (a, b) as (...)` names columns, it calls nothing.
        if _COMMON_TABLE.search(code[: match.start()]) and re.match(
            r"[^()]*\)\s*as\b", code[match.end() :], re.I
        ):
            continue
        yield Finding(
            _line_of(code, match.start()),
            "function",
            f"'{name}' is not one of: {', '.join(sorted(FUNCTIONS))}.",
        )


def _find_orders(code: str) -> Iterator[Finding]:
    """A row_number whose order leaves ties gives another row on another engine."""
    for match in re.finditer(r"\brow_number\s*\(\s*\)\s*over\s*\(", code, re.IGNORECASE):
        window = code[match.end() : _closing_bracket(code, match.end())]
        order = re.split(r"\border\s+by\b", window, flags=re.IGNORECASE)
        if len(order) != 2 or _count_terms(order[1]) < 2:
            yield Finding(
                _line_of(code, match.start()),
                "total-order",
                "row_number needs an order without ties: add the kind, the direction or an id.",
            )


def _find_unnamed(code: str) -> Iterator[Finding]:
    """A plain column of a select over a join: ClickHouse calls it `a.day`, and the select around finds no `day`."""
    for match in re.finditer(r"\bselect\b", code, re.IGNORECASE):
        clauses = _blank_brackets(code[match.end() : _closing_bracket(code, match.end())])
        listed, begin, rest = _partition_at(r"\bfrom\b", clauses)
        sources = _partition_at(r"\b(?:where|group|having|order|union|intersect|except)\b", rest)[0]
        if not begin or not re.search(r"\bjoin\b", sources, re.IGNORECASE):
            continue
        for item in re.finditer(r"[^,]+", listed):
            if re.fullmatch(r"\s*(?:distinct\s+)?\w+\.(?:\w+|\*)\s*", item.group(), re.IGNORECASE):
                name = item.group().strip()
                place = match.end() + item.start() + item.group().index(name)
                yield Finding(
                    _line_of(code, place), "named-columns", f"'{name}': over a join, write {name} as <name>."
                )


def _partition_at(pattern: str, text: str) -> tuple[str, str, str]:
    """A text around the first match of a pattern."""
    match = re.search(pattern, text, re.IGNORECASE)
    return (text[: match.start()], match.group(), text[match.end() :]) if match else (text, "", "")


def _blank_brackets(text: str) -> str:
    """The text with everything between brackets as blanks, so that places stay the same."""
    depth, blanked = 0, []
    for letter in text:
        depth -= letter == ")"
        blanked.append(letter if depth == 0 or letter == "\n" else " ")
        depth += letter == "("
    return "".join(blanked)


def _closing_bracket(code: str, start: int) -> int:
    depth = 1
    for position in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[position], 0)
        if depth == 0:
            return position
    return len(code)


def _count_terms(text: str) -> int:
    depth, terms = 0, 1
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        terms += letter == "," and depth == 0
    return terms


def main() -> int:
    """Check every file of the folder; fail if there is none, because then nothing was checked."""
    files = sorted(SQL_FOLDER.rglob("*.sql"))
    if not files:
        print(f"{SQL_FOLDER.relative_to(ROOT)}: no SQL text was found to check.", file=sys.stderr)
        return 1
    broken = 0
    for file in files:
        for finding in check_text(file.read_text(encoding="utf-8")):
            broken += 1
            print(
                f"{file.relative_to(ROOT)}:{finding.line}: [{finding.rule}] {finding.message}",
                file=sys.stderr,
            )
    if not broken:
        print(f"Portable SQL: {len(files)} texts, nothing found.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

"""Holds docstrings, comments, texts and documents to plain English, and the catalogue to plain Italian.

Each rule is a turn of phrase that was found in this product and that no technical writer, analyst or marketer would
use, with what to write instead. Run by `make check`; a line that must keep such words, such as a quotation, ends in
`# words: as is`.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "src" / "consumer_fusion"
CATALOGUE = SOURCE / "i18n" / "locale" / "it" / "LC_MESSAGES" / "messages.po"
KEPT = "# words: as is"

ENGLISH = (
    (r"\banew\b", "again"),
    (
        r"(?<!set )(?<!set-)(?<!sets )(?<!put )(?<!left )\baside\b",
        "in the background; in a worker process; separately",
    ),
    (r"\bwho(m?)ever\b", "the caller; the user; anyone who"),
    (r"\bsomebody\b", "a user; someone"),
    (r"\bso many\b", "the number itself: 'Maximum batch size', 'number of days'"),
    (r"\btold\b", "reported; known; returned; shown; said"),
    (r"\btells?\b(?! whether)", "returns; reports; says; identifies"),
    (r"\b(?:comes?|came|coming) in\b(?! \w+ (?:order|batches|parts))", "signs in; arrives"),
    (r"\bmend(?:s|ed|ing)?\b", "fix; repair; correct"),
    (r"\bon record\b", "stored; recorded; in the audit log"),
    (r"\b(?:is|are|was|were|be|been|that) asked (?:about|for|of)\b", "requested; the as-of time"),
    (r"\bmoment (?:that is |)asked (?:about|for)\b", "the as-of time"),
    (r"\bof which moment\b", "the as-of time"),
    (r"\b[Hh]ow (?:\w+ ){1,3}stands?\b", "the state of; status"),
    (r"\b(?:stands?|stood) beside\b", "accompanies; is compared with"),
    (r"\bby (?:and|which) by\b", "gradually"),
    (r"\bnobody who\b", "unauthenticated; no one"),
    (r"\bof theirs\b|\bof ours\b", "their; our"),
    (r"\bhas to do with\b|\bhave to do with\b", "concerns; is related to"),
    (r"\bwhat (?:became|becomes|came|comes) of\b", "the result of"),
    (r"\bheld against\b", "compared with"),
    (r"\bspeaks? (?:for|against)\b", "supports; contradicts"),
    (r"\bby chance alone\b|\bdrawn by chance\b|\bdrew by chance\b", "at random; randomised"),
    (r"\bseries beside\b", "control series"),
    (r"\bthe like\b", "and similar"),
)
"""Turns of phrase that are written nowhere, with what to write instead."""

OPENINGS = (
    (r"^(?:What|Whatever)\b(?! if\b)", "a noun phrase: 'Queries', not 'What is asked of a workspace'"),
    (r"^(?:Who|Whom|Whose)\b", "a noun phrase: 'The caller', not 'Who asks'"),
    (
        r"^(?:Where|When|How) (?:the|a|an|it|they|what|something)\b",
        "a noun phrase: 'Location of', 'Time of', 'Number of'",
    ),
)
"""Openings that no docstring, and no line of its lists of arguments and attributes, has."""

ITALIAN = (
    (r"\bportafoglio\b", "spesa"),
    (r"\bmarchio\b", "marca"),
    (r"\ba sorte\b", "casuale"),
    (r"\bsbiadisc\w+", "decadimento"),
    (r"\bfatica\b", "sforzo"),
    (r"\bfanno da sé\b", "automaticamente"),
    (r"\b(?:Scelga|scelga|Da'|Ne scelga)\b", "il tu: scegli, indica"),
    (r"\bSerie accanto\b", "serie di controllo"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One turn of phrase to be written plainly."""

    path: str
    line: int
    found: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: “{self.found}”: write {self.instead}"


def find_phrases(text: str, rules: tuple[tuple[str, str], ...] = ENGLISH) -> Iterator[tuple[int, str, str]]:
    """The turns of phrase in a text: place in it, words, what to write instead."""
    for pattern, instead in rules:
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield match.start(), match.group(), instead


def find_openings(docstring: str) -> Iterator[tuple[int, str, str]]:
    """The openings of a docstring and of the entries of its lists: line in it, words, what to write instead."""
    for number, line in enumerate(docstring.split("\n")):
        entry = re.match(r"\s+[\w*., `]+: (.*)", line)
        start = line if number == 0 else entry.group(1) if entry else ""
        for pattern, instead in OPENINGS:
            if match := re.match(pattern, start):
                yield number, match.group(), instead


def check_source(path: Path) -> Iterator[Finding]:
    """The docstrings, comments and texts of one module."""
    source = path.read_text(encoding="utf-8")
    name, lines = _name(path), source.split("\n")

    def is_kept(line: int) -> bool:
        return lines[line - 1].endswith(KEPT)

    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if (
            token.type in (tokenize.COMMENT, tokenize.STRING)
            or tokenize.tok_name[token.type] == "FSTRING_MIDDLE"
        ):
            for place, found, instead in find_phrases(token.string):
                line = token.start[0] + token.string[:place].count("\n")
                if not is_kept(line):
                    yield Finding(name, line, found, instead)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                for number, found, instead in find_openings(first.value.value):
                    yield Finding(name, first.lineno + number, found, instead)


def check_document(path: Path) -> Iterator[Finding]:
    """One document or template."""
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        for _, found, instead in find_phrases(line):
            yield Finding(_name(path), number, found, instead)


def check_catalogue(path: Path = CATALOGUE) -> Iterator[Finding]:
    """The Italian texts."""
    with path.open("rb") as file:
        for message in read_po(file):
            texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
            for text in texts if message.id else ():
                for _, found, instead in find_phrases(text or "", ITALIAN):
                    yield Finding(_name(path), message.lineno or 0, found, instead)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


def check_all() -> Iterator[Finding]:
    """Everything that is read by people: the package, its templates, the documents, the catalogue."""
    for path in sorted(SOURCE.rglob("*.py")):
        yield from check_source(path)
    for path in sorted(SOURCE.rglob("*.html")):
        yield from check_document(path)
    for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))):
        yield from check_document(path)
    yield from check_catalogue()


if __name__ == "__main__":
    findings = [each for each in check_all() if not sys.argv[1:] or each.path.startswith(tuple(sys.argv[1:]))]
    for finding in findings:
        print(finding)
    print(f"Plain words: {len(findings)} to be written plainly.")
    sys.exit(bool(findings))

"""The texts of the console in other languages: find them in the code, check that every one is translated.

`extract` brings the catalogues up to date with the code: new texts are added untranslated, texts that are gone are
dropped. `check` tells what is missing; the tests run it too.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from consumer_fusion.operations import find_capabilities

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "consumer_fusion"
LOCALES = PACKAGE / "i18n" / "locale"
LANGUAGES = ("it",)
KEYWORDS = {
    "_": None,
    "N_": None,
    "ngettext": (1, 2),
    "mark_count": (1, 2),
    "Message": None,
    "ValidityCheck": (3,),
}
"""Who says a text, and which argument it is; a `ValidityCheck` of an effect has its sentence third."""
_METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
WRITTEN_IN = (
    "access", "alerts", "associations", "events/attachment.py", "events/entities.py", "events/inbox.py",
    "i18n", "identity", "ingest/rejections.py", "records/characters.py",
    "records/consumer_keys.py", "records/timestamps.py", "repairs", "score/model/last_seen_state.py",
    "score/model/changes.py", "score/points/points_overrides.py", "score/points/points_table.py",
    "score/queries/brand_visibility.py", "score/queries/answers.py", "server/audit_buffer.py",
    "server/authentication.py", "server/session_middleware.py", "storage/sqlite.py",
)  # fmt: skip
"""Where errors are raised that people meet on pages; those of commands and for programs are in English."""


def main(arguments: list[str]) -> int:
    """Extract or check."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("extract", "check"), help="what to do")
    if parser.parse_args(arguments).action == "extract":
        for language in LANGUAGES:
            bring_up_to_date(language)
        return 0
    faults = [fault for language in LANGUAGES for fault in find_faults(language)]
    print("\n".join(faults) or f"every text is translated: {', '.join(LANGUAGES)}")
    return 1 if faults else 0


def find_texts() -> dict[str, tuple[str, str] | None]:
    """Every text that is said, with its plural where it has one; the names and meanings of the kinds too."""
    texts: dict[str, tuple[str, str] | None] = {}
    found = extract_from_dir(
        str(PACKAGE), _METHODS, keywords=KEYWORDS, options_map={"**": {"silent": "false"}}
    )
    for _, _, message, _, _ in found:
        if isinstance(message, tuple):
            texts[message[0]] = (message[0], message[1])
        elif message:
            texts.setdefault(message, None)
    for text in [*list_kind_texts(), *list_error_texts(), *list_audit_texts()]:
        texts.setdefault(text, None)
    return texts


def list_error_texts() -> Iterator[str]:
    """The texts of errors that people meet on pages; those with values are messages, which are marked as such."""
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        tells_errors = any(place == part or place.startswith(f"{part}/") for part in WRITTEN_IN)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if tells_errors and name.endswith("Error"):
                    hints = [word.value for word in node.keywords if word.arg == "hint"]
                    yield from (text for said in [*node.args[:1], *hints] for text in list_said(said))


def list_said(text: ast.expr) -> Iterator[str]:
    """The texts of an expression: a text, or one of two."""
    if isinstance(text, ast.IfExp):
        yield from [*list_said(text.body), *list_said(text.orelse)]
    elif isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value:
        yield text.value


def list_audit_texts() -> Iterator[str]:
    """What the audit log calls each operation, as it is declared."""
    for capability in find_capabilities().values():
        for operation in capability.operations:
            if operation.audit:
                yield operation.audit


def list_kind_texts() -> Iterator[str]:
    """The names and meanings of the shipped kinds; the names of variants are in `i18n.labels`."""
    kinds = tomllib.loads((PACKAGE / "score" / "points" / "points.toml").read_text(encoding="utf-8"))["kinds"]
    for key, kind in kinds.items():
        if "/" not in key:
            yield key
        if kind.get("meaning"):
            yield kind["meaning"]


def read_catalogue(language: str) -> Catalog:
    """The catalogue of a language."""
    with (LOCALES / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


def bring_up_to_date(language: str) -> None:
    """Write the catalogue anew: the texts of the code in order, with the translations that there are."""
    path = LOCALES / language / "LC_MESSAGES" / "messages.po"
    before = read_catalogue(language) if path.exists() else Catalog(locale=language)
    after = Catalog(locale=language, project="Consumer Fusion", fuzzy=False)
    for text, counted in sorted(find_texts().items()):
        known = before.get(text)
        after.add(counted or text, string=known.string if known is not None and known.string else None)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, after, omit_header=False, width=110, sort_output=True)


def find_faults(language: str) -> list[str]:
    """Texts without a translation, with other placeholders, and translations that nobody says any more."""
    catalogue = read_catalogue(language)
    texts = find_texts()
    faults = []
    for text, counted in sorted(texts.items()):
        message = catalogue.get(text)
        forms = (
            []
            if message is None
            else [message.string]
            if isinstance(message.string, str)
            else list(message.string or ())
        )
        if not forms or not all(forms):
            faults.append(f"{language}: no translation of {text!r}")
            continue
        wanted = set(_PLACEHOLDER.findall(text)) | set(_PLACEHOLDER.findall(counted[1] if counted else ""))
        faults += [
            f"{language}: {form!r} has other placeholders than {text!r}"
            for form in forms
            if set(_PLACEHOLDER.findall(form)) - wanted
            or (wanted - set(_PLACEHOLDER.findall(form)) - {"count"})
        ]
    said = set(texts)
    for message in catalogue:
        key = message.id[0] if isinstance(message.id, tuple) else message.id
        if key and key not in said:
            faults.append(f"{language}: nobody says {key!r} any more")
    return faults


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`fusion perceive`: what messages say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.errors import InputError
from consumer_fusion.perception.perceived_texts import PerceivedText, perceive_texts
from consumer_fusion.surfaces.cli.output import JsonOption, console, print_json, print_table, show_progress

_SHOWN = 60
_STANDARD_INPUT = Path("-")


def perceive(
    texts: Annotated[
        list[str] | None, typer.Argument(help="Messages; each in quotes.", metavar="TEXT", show_default=False)
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="A text file of messages, one a line; - reads standard input.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Their language, such as en or it; recognised if left out.")
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Read what messages say: polarity, aspects, blame, emotions; on this machine, without a workspace.

    With the extra `perception` a sentence encoder takes part, and German, French, Portuguese and Spanish are read too.
    """
    messages = [*(texts or []), *_read_lines(file)]
    if not messages:
        raise InputError("There is no message.", hint='Give one, as in: fusion perceive "The soup was cold."')
    with show_progress() as progress:
        found = perceive_texts(
            messages, language, lambda done, total: progress("reading messages", done, total)
        )
    if is_json:
        print_json(found)
    elif len(found) == 1:
        _print_one(found[0])
    else:
        print_table(
            f"{len(found)} messages, read by {found[0].model}",
            ["message", "language", "says", "dissatisfied", "about", "blames"],
            [
                [
                    each.text if len(each.text) <= _SHOWN else each.text[: _SHOWN - 1] + "…",
                    each.language,
                    _say(each),
                    "unknown" if each.dissatisfaction is None else f"{each.dissatisfaction:.0%}",
                    _list_aspects(each),
                    ", ".join(party.party for party in each.blame),
                ]
                for each in found
            ],
            right=["dissatisfied"],
        )


def _read_lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        content = sys.stdin.read() if file == _STANDARD_INPUT else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read as UTF-8 text: {error}", where=str(file)) from error
    return [line for line in content.splitlines() if line.strip()]


def _say(text: PerceivedText) -> str:
    return "unknown" if text.said is None else f"{text.said} {text.polarity[text.said]:.0%}"


def _list_aspects(text: PerceivedText) -> str:
    return ", ".join(f"{each.aspect} {each.polarity}" for each in text.aspects)


def _list_parties(text: PerceivedText) -> str:
    return ", ".join(f"{each.party} {each.probability:.0%}" for each in text.blame)


def _list_emotions(text: PerceivedText) -> str:
    if text.emotions is None:
        return "unknown"
    return ", ".join(f"{name} {value:.0%}" for name, value in text.emotions.items()) or "none at 20%"


def _print_one(text: PerceivedText) -> None:
    def tell(value: float | None) -> str:
        return "unknown" if value is None else f"{value:.0%}"

    rows = [
        ["language", text.language],
        ["says", _say(text)],
        *(
            [f"about {each.aspect}", f"{each.polarity} {each.probability:.0%}: {each.words}"]
            for each in text.aspects
        ),
        ["blames", _list_parties(text) or ("nobody named" if text.polarity else "unknown")],
        [
            "responsible",
            ", ".join(f"{each.party} {each.probability:.0%} (by {each.basis})" for each in text.responsible)
            or "unknown",
        ],
        ["dissatisfied", tell(text.dissatisfaction)],
        ["names a failure", tell(text.failure)],
        ["severity", "unknown" if text.severity is None else f"{text.severity:.2f}"],
        ["harsh", tell(text.harshness)],
        ["ironic", tell(text.irony)],
        ["apologises or is fair", tell(text.repair)],
        ["emotions", _list_emotions(text)],
        ["model", text.model],
    ]
    print_table("", ["", "what it says"], rows)
    if text.abstained:
        console.print("The model abstains: it is too unsure, or does not read the language.")

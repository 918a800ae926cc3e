"""`fusion perceive`: what messages say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.errors import InputError
from consumer_fusion.perception.operations import TRAIN_INTENTS, IntentFile
from consumer_fusion.perception.perceived_texts import PerceivedText, perceive_texts
from consumer_fusion.perception.perceiver_choice import choose_perceiver
from consumer_fusion.records.perception import Perceiver
from consumer_fusion.surfaces.cli.operation_commands import run_operation
from consumer_fusion.surfaces.cli.output import JsonOption, console, print_json, print_table, show_progress
from consumer_fusion.surfaces.operation_fields import read_text_file
from consumer_fusion.workspace import open_workspace

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
    workspace: Annotated[
        Path | None,
        typer.Option(
            help="Read by the perceiver of this workspace, with what it has learnt.", show_default=False
        ),
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(
            help="Train the intents of the workspace from a file: lines of intent, tab and text, or CSV.",
            show_default=False,
        ),
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Read what messages say: polarity, aspects, blame, emotions; on this machine, without a workspace.

    With the extra `perception` a sentence encoder takes part, and German, French, Portuguese and Spanish are read too.
    """
    if train is not None:
        _train(train, workspace, is_json=is_json)
        return
    messages = [*(texts or []), *_read_lines(file)]
    if not messages:
        raise InputError("There is no message.", hint='Give one, as in: fusion perceive "The soup was cold."')
    with show_progress() as progress:
        found = perceive_texts(
            messages,
            language,
            lambda done, total: progress("reading messages", done, total),
            None if workspace is None else _choose_perceiver(workspace),
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


def _choose_perceiver(folder: Path) -> Perceiver:
    with open_workspace(folder) as opened:
        return choose_perceiver(opened)


def _train(file: Path, workspace: Path | None, *, is_json: bool) -> None:
    if workspace is None:
        raise InputError(
            "Intents are trained for a workspace, and none is given.", hint="Add --workspace FOLDER."
        )
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.", where=str(file)) from error
    parameters = IntentFile(file=read_text_file(file.name, content))
    found = run_operation(TRAIN_INTENTS, workspace, parameters, is_quiet=is_json)
    if is_json:
        print_json(found)
        return
    console.print(
        f"{found.intents} intents from {found.messages:,} messages: {found.accuracy:.0%} of {found.held_out} held-out "
        f"messages were named right (always the most frequent one: {found.majority:.0%}); "
        f"of the {found.named:.0%} whose intent is named, {found.accuracy_of_named:.0%}."
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
        *([["intent", text.intent or "out of scope"]] if text.out_of_scope is not None else []),
        ["model", text.model],
    ]
    print_table("", ["", "what it says"], rows)
    if text.abstained:
        console.print("The model abstains: it is too unsure, or does not read the language.")

"""An effect in a terminal: what was found in sentences, the course as bars, and what was looked at."""

from __future__ import annotations

from consumer_fusion.causal.effects.action_effect import ActionEffect
from consumer_fusion.causal.effects.effect_wording import tell_placebos
from consumer_fusion.records.timestamps import write_iso_day
from consumer_fusion.surfaces.cli.output import console, draw_sparkline, print_table

_MARKS = {"passed": "✓", "warned": "!", "refused": "✗"}


def print_effect(told: ActionEffect) -> None:
    """Print one effect."""
    console.print(f"{told.title} ({told.action_id}), {told.brand}")
    first, last, seen = map(write_iso_day, (told.effect_from, told.declared_until, told.effect_until))
    until = f", seen until {seen}" if seen < last else ""
    console.print(f"{told.metric} of {told.series}, {first} to {last}{until}\n")
    for sentence in told.sentences:
        console.print(sentence)
    values = [each.value for row in (told.observed, told.expected) for each in row if each.value is not None]
    if any(each.value is not None for each in told.observed):
        for name, row in (("observed", told.observed), ("expected", told.expected)):
            drawn = [min(values) if each.value is None else each.value for each in row]
            console.print(f"{name}  {draw_sparkline(drawn, low=min(values), high=max(values))}")
    console.print()
    print_table(
        "What was looked at",
        ["", "check", "in words"],
        [[_MARKS[each.verdict], each.name, each.sentence] for each in told.checks],
    )
    for left in told.left_out:
        console.print(f"Left out of what it is compared with: {left.name} ({left.reason}).")
    if told.library:
        console.print(f"Calibrated by {tell_placebos(told.library)}.")

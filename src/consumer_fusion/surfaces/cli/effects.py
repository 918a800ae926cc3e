"""Terminal report of an effect: findings in sentences, a sparkline of the days, and the validity checks."""

from __future__ import annotations

from consumer_fusion.causal.effects.action_effect import ActionEffect
from consumer_fusion.causal.effects.effect_wording import VERDICT_WORDS
from consumer_fusion.records.timestamps import write_iso_day
from consumer_fusion.surfaces.cli.output import console, draw_sparkline, print_table

_MARKS = {"passed": "✓", "warned": "!", "refused": "✗"}
"""Marks of the verdicts, before their words."""


def print_effect(effect: ActionEffect) -> None:
    """Print one effect."""
    console.print(f"{effect.title} ({effect.action_id}), {effect.brand}")
    first, last, seen = map(write_iso_day, (effect.effect_from, effect.declared_until, effect.effect_until))
    until = f", seen until {seen}" if seen < last else ""
    console.print(f"{effect.metric} of {effect.series}, {first} to {last}{until}\n")
    for sentence in effect.sentences:
        console.print(sentence)
    values = [
        each.value for row in (effect.observed, effect.expected) for each in row if each.value is not None
    ]
    if any(each.value is not None for each in effect.observed):
        for name, row in (("observed", effect.observed), ("expected", effect.expected)):
            # The last days, as many as fit on one line next to the heading.
            fitting = row[-(console.width - len("observed  ")) :]
            drawn = [min(values) if each.value is None else each.value for each in fitting]
            console.print(f"{name}  {draw_sparkline(drawn, low=min(values), high=max(values))}")
    console.print()
    print_table(
        "Validity checks",
        ["verdict", "explanation"],
        [
            [f"{_MARKS[each.verdict]}\N{NO-BREAK SPACE}{VERDICT_WORDS[each.verdict]}", each.sentence]
            for each in effect.checks
        ],
    )
    for left in effect.left_out:
        console.print(f"Excluded from the control series: {left.name} ({left.reason}).")
    if effect.library:
        console.print(f"Calibrated by {effect.library}.")

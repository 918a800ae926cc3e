"""Progress of long commands, as people see it on a terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from consumer_fusion.surfaces.cli import output


def test_a_stage_of_unknown_length_does_not_take_over_the_total_of_the_stage_before(monkeypatch):
    shown = StringIO()
    monkeypatch.setattr(output, "error_console", Console(file=shown, force_terminal=True, width=100))
    with output.show_progress() as progress:
        progress("seal", 17, 17)
        progress("fold", 0, None)
        progress("fold", 900, None)
    last = shown.getvalue().rpartition("fold")[2]
    assert "900/?" in last
    assert "17" not in last

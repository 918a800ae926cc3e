"""Figures are drawn in a process of their own: what it cannot draw, or not in time or memory, ends nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from consumer_fusion.errors import DrawingError
from consumer_fusion.views.charts.drawing_process import DrawingProcess

pytestmark = pytest.mark.process

POINT = {
    "data": {"values": [{"x": 1, "name": "ann"}]},
    "mark": "point",
    "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "name"}},
}
ABORTING = {**POINT, "title": "a\x01b"}
"""The library ends its process where a text holds what XML does not know."""
ENDLESS = {**POINT, "data": {"sequence": {"start": 0, "stop": 1e10, "as": "x"}}}


@pytest.fixture
def process():
    opened = []

    def open_process(**limits):
        opened.append(DrawingProcess(**limits))
        return opened[-1]

    yield open_process
    for each in opened:
        each.close()


def is_alive(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process_id}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


def wait_for_end(process_id):
    end = time.monotonic() + 30
    while is_alive(process_id):
        assert time.monotonic() < end, "the process lives on"
        time.sleep(0.02)


def test_a_figure_that_ends_the_library_ends_nothing_else_and_the_next_is_drawn(process):
    drawing = process()
    with pytest.raises(DrawingError):
        drawing.draw(ABORTING, "en-US")
    assert drawing.draw(POINT, "en-US").startswith("<svg")


def test_what_is_no_figure_is_told_and_costs_no_process(process):
    drawing = process()
    drawing.draw(POINT, "en-US")
    number = drawing.process_id
    with pytest.raises(DrawingError):
        drawing.draw({"mark": "no such mark"}, "en-US")
    assert drawing.process_id == number


def test_a_process_that_was_killed_while_it_rested_is_replaced(process):
    drawing = process()
    first = drawing.draw(POINT, "en-US")
    os.kill(drawing.process_id, signal.SIGKILL)
    assert drawing.draw(POINT, "en-US") == first


def test_a_figure_that_hangs_is_given_up_and_the_next_is_drawn(process):
    drawing = process(seconds=5)
    drawing.draw(POINT, "en-US")
    os.kill(drawing.process_id, signal.SIGSTOP)
    with pytest.raises(DrawingError):
        drawing.draw(POINT, "en-US")
    assert drawing.draw(POINT, "en-US").startswith("<svg")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the memory of a process so")
def test_a_figure_that_takes_too_much_memory_is_given_up_and_the_next_is_drawn(process):
    drawing = process(memory_bytes=700 << 20)
    with pytest.raises(DrawingError):
        drawing.draw(ENDLESS, "en-US")
    assert drawing.draw(POINT, "en-US").startswith("<svg")


def test_it_ends_by_itself_when_nothing_is_asked_of_it(process):
    drawing = process(idle_seconds=1)
    drawing.draw(POINT, "en-US")
    wait_for_end(drawing.process_id)
    assert drawing.draw(POINT, "en-US").startswith("<svg")


@pytest.mark.parametrize("way", ["ends", "is killed"])
def test_it_ends_with_its_parent(way):
    program = (
        "from consumer_fusion.views.charts import rendering;"
        "import altair, sys;"
        "rendering.render_svg(altair.Chart(altair.Data(values=[{'x': 1}])).mark_point().encode(x='x:Q'));"
        "print(rendering._drawing_process.process_id, flush=True); sys.stdin.readline()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    number = int(parent.stdout.readline())
    assert is_alive(number)
    if way == "is killed":
        parent.kill()
    parent.communicate("\n" if way == "ends" else None, timeout=60)
    wait_for_end(number)

"""Who moved most: ranked by the size of the move, whichever way it went, and the same wherever it is told."""

from __future__ import annotations

import pyarrow as pa
import pytest

from consumer_fusion.events.entities import find_keys
from consumer_fusion.pipeline import import_events
from consumer_fusion.score.queries import answers
from consumer_fusion.server.many_pairs import read_brands
from consumer_fusion.surfaces.api.score_lists import list_page, list_pairs
from consumer_fusion.surfaces.console.queries import ConsoleQueries
from consumer_fusion.surfaces.report.report_data import ReportRequest, fill_report
from consumer_fusion.views.brand_views import read_brand_drawings
from consumer_fusion.views.charts.theme import LIGHT, ChartStyle
from small_workspaces import NOW, make_order, open_small


def tabulate(changes):
    """Scores by what they changed by."""
    names = [f"consumer-{place}" for place in range(len(changes))]
    return pa.table(
        {
            "consumer": names, "brand": ["bakery"] * len(names), "fusion_score": [50.0 + each for each in changes],
            "change_28_days": [float(each) for each in changes],
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "most"),
    [
        ([-10, -9, -8, 1], [-10, -9]),
        ([-1, 8, 9, 10], [10, 9]),
        ([-3, 2, 0, -4, 5], [5, -4]),
        ([0.0, 0.01, -0.04], []),
    ],
    ids=["all large moves down", "all large moves up", "both ways", "nobody moved"],
)
def test_the_largest_moves_come_first_whichever_way_they_went(changes, most):
    movers = answers.list_movers(tabulate(changes), 2).to_pylist()
    assert [row["fusion_score"] - row["score_before"] for row in movers] == pytest.approx(most)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A bakery with guests who bought little lately, and two who were told of a defect."""
    with open_small(tmp_path_factory.mktemp("movers") / "ws") as opened:
        orders = [
            make_order(each, consumer=f"guest-{each}", days_ago=5 + each, value=2.0 + each)
            for each in range(6)
        ]
        defects = [
            make_order(
                90 + each, consumer=f"angry-{each}", days_ago=3, kind="Complaint Published", text="Bad."
            )
            for each in range(2)
        ]
        old = [make_order(80 + each, consumer=f"angry-{each}", days_ago=60, value=400.0) for each in range(2)]
        import_events(opened, [*orders, *defects, *old])
        yield opened


def test_console_report_interface_and_command_tell_the_same_movers(workspace):
    commanded = answers.score_pairs(workspace, brand="bakery", as_of=NOW, order="moving").to_pylist()
    wanted = [row["consumer"] for row in commanded if abs(row["change_28_days"]) >= answers.LEAST_MOVE]
    sizes = [abs(row["change_28_days"]) for row in commanded]
    assert sizes == sorted(sizes, reverse=True)
    assert {row["consumer"] for row in commanded[:2]} == {"angry-0", "angry-1"}
    report = fill_report(workspace, ReportRequest(as_of=NOW, brand="bakery"))
    (movers,) = (section.drawings[0] for section in report.sections if section.name == "movers")
    assert [row["consumer"] for row in movers.gather().rows] == wanted
    queries = ConsoleQueries(workspace)
    as_of_us = answers.resolve_as_of(workspace, NOW)
    found = answers.list_movers(queries.read_brand("bakery", as_of_us).scores, len(commanded))
    keys = queries.name_consumers(found["consumer_id"].to_pylist())
    assert [keys[each] for each in found["consumer_id"].to_pylist()] == wanted
    drawing = read_brand_drawings(workspace, "bakery", as_of=NOW)["movers"]
    assert [row["consumer"] for row in drawing.gather().rows] == wanted
    drawing.draw(ChartStyle(palette=LIGHT))
    with workspace.store.reading() as session:
        brand_ids = find_keys(session, "brand", ["bakery"]).values()
    snapshots = read_brands(workspace, brand_ids, as_of_us)
    page, _ = list_page(map(list_pairs, snapshots), "moving", None, len(commanded))
    assert page.change.tolist() == pytest.approx([row["change_28_days"] for row in commanded])

"""Stages: what runs is what is declared, in the declared order, and touches only the declared tables."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest

from consumer_fusion import pipeline
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.operations import Stage, find_stages, order_stages
from consumer_fusion.records.segment import MARKS
from consumer_fusion.simulate.towns import build_town
from small_workspaces import make_order, open_small

READS = {"read", "read_matching", "count", "summarise", "read_mark"}
WRITES = {"insert", "replace", "add", "multiply", "update", "delete", "delete_matching", "write_mark"}


class SpiedSession:
    """A session that notes which tables are read and written, by the stage that runs."""

    def __init__(self, session, notes):
        self._session, self._notes = session, notes

    def __getattr__(self, name):
        found = getattr(self._session, name)
        if name not in READS | WRITES:
            return found

        def call(*given, **named):
            table = MARKS if name.endswith("_mark") else given[0]
            self._notes.append((name in WRITES, table.name))
            return found(*given, **named)

        return call


@pytest.fixture
def trace(monkeypatch):
    """What ran: for each stage its name and the tables that it read and wrote."""
    ran: list[tuple[str, list[tuple[bool, str]]]] = []
    notes: list[tuple[bool, str]] = []
    begin = pipeline.begin_change

    def follow(stage: Stage) -> Stage:
        def run(landing):
            notes.clear()
            stage.run(landing)
            ran.append((stage.name, list(notes)))

        return replace(stage, run=run)

    @contextmanager
    def spy(workspace, progress):
        with begin(workspace, progress) as (session, force):
            yield SpiedSession(session, notes), force

    stages = tuple(map(follow, find_stages()))
    monkeypatch.setattr(pipeline, "list_stages", lambda: stages)
    monkeypatch.setattr(pipeline, "begin_change", spy)
    return ran


def find_undeclared(ran, declared=None):
    """What stages touched that they do not declare."""
    declared = declared or {stage.name: stage for stage in find_stages()}
    faults = []
    for name, touched in ran:
        writes = {table.name for table in declared[name].writes}
        reads = writes | {table.name for table in declared[name].reads} | {MARKS.name}
        faults += [
            f"{name} {'writes' if is_write else 'reads'} {table}"
            for is_write, table in touched
            if table not in (writes if is_write else reads)
        ]
    return sorted(set(faults))


def test_an_import_runs_the_declared_stages_in_their_order_on_their_tables(trace, tmp_path):
    with open_small(tmp_path / "w") as workspace:
        trace.clear()
        town = build_town(people=60, seed=3)
        pipeline.import_batches(workspace, town.batches())
    assert [name for name, _ in trace] == [stage.name for stage in find_stages()]
    assert len(trace) >= 14
    assert find_undeclared(trace) == []


def test_a_large_import_that_is_sealed_at_once_touches_only_its_tables(trace, tmp_path):
    with open_small(tmp_path / "w", inbox_import_limit=10) as workspace:
        trace.clear()
        pipeline.import_batches(workspace, build_town(people=20, seed=3).batches())
    assert find_undeclared(trace) == []


MAPPING = """
[source]
name = "shop"
on_change = "{on_change}"
[fields]
event_id = "id"
occurred_at = "day"
consumer = "who"
brand = "brand"
value = "price"
[kind]
default = "Order Completed"
"""


def test_rows_that_come_again_and_say_something_else_touch_only_their_tables(trace, tmp_path):
    rows, mapping = tmp_path / "orders.csv", tmp_path / "map.toml"
    with open_small(tmp_path / "w") as workspace:
        for on_change, price in (("keep", 10), ("keep", 12), ("replace", 14)):
            rows.write_text(f"id,day,who,brand,price\n1,2026-06-01,ann,bakery,{price}\n", encoding="utf-8")
            mapping.write_text(MAPPING.format(on_change=on_change), encoding="utf-8")
            told = pipeline.import_files(workspace, [rows], choose_reading(map_file=mapping))
    assert told.replaced == 1
    assert find_undeclared(trace) == []


def test_a_stage_that_touches_a_table_it_does_not_declare_is_found(trace, tmp_path):
    with open_small(tmp_path / "w") as workspace:
        pipeline.import_events(workspace, [make_order(1)])
    undeclared = {stage.name: replace(stage, writes=(), reads=()) for stage in find_stages()}
    assert "make durable writes events" in find_undeclared(trace, undeclared)


def test_an_order_with_a_gap_a_circle_or_two_of_one_name_is_refused():
    first, second = Stage("a", print), Stage("b", print, after="a")
    assert [stage.name for stage in order_stages([second, first])] == ["a", "b"]
    with pytest.raises(ValueError, match="No stage is called c"):
        order_stages([first, replace(second, after="c")])
    with pytest.raises(ValueError, match="cycle"):
        order_stages([replace(first, after="b"), second])
    with pytest.raises(ValueError, match="one name"):
        order_stages([first, first])

"""The SQL of the score is written in words that every engine understands the same way."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXTS = sorted((ROOT / "src" / "consumer_fusion" / "score").rglob("*.sql"))

_spec = importlib.util.spec_from_file_location(
    "portable_sql", ROOT / "scripts" / "linters" / "portable_sql.py"
)
portable_sql = importlib.util.module_from_spec(_spec)
sys.modules["portable_sql"] = portable_sql
_spec.loader.exec_module(portable_sql)

GOOD = """\
-- 0.5 and [lists] in a comment are no SQL; nor is '0.5' in a text.
with parts (consumer_id, brand_id, kind, amount) as (
    select e.consumer_id as consumer_id, e.brand_id as brand_id, e.kind as kind,
        sum(case when e.kind = 'a.0.5' then 1e0 else 5e-1 end)
    from events e join kinds k on e.kind = k.kind
    where e.day in (1, 2) and (e.day > 3)
    group by e.consumer_id, e.brand_id, e.kind
)
select p.*, power(2e0, p.amount / 3.5e0) as grown, max(case when p.amount > 0e0 then p.kind end) as top,
    row_number() over (
        partition by p.consumer_id order by coalesce(p.amount, 0e0) desc, p.kind, p.brand_id
    ) as place
from parts p
"""


def test_there_is_sql_to_look_at():
    assert TEXTS


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.name)
def test_the_text_is_portable(text):
    assert portable_sql.check_text(text.read_text(encoding="utf-8")) == []


def test_portable_sql_passes():
    assert portable_sql.check_text(GOOD) == []


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("select 0.0", "decimal"),
        ("select 1. + a", "decimal"),
        ("select a * .5", "decimal"),
        ("select a from t qualify a > 1", "qualify"),
        ("select sum(a) filter (where b) from t", "filter"),
        ("select a, sum(b) from t group by all", "group-by-all"),
        ("select a from t join u using (a)", "using"),
        ("select distinct on (a) a from t", "distinct-on"),
        ("select [1, 2]", "list"),
        ("select tanh(a)", "function"),
        ("select exp2(a)", "function"),
        ("select greatest(a, b)", "function"),
        ("select epoch_us(a)", "function"),
        ("select current_timestamp", "time"),
        ("select a - interval 1 day", "time"),
        ("select a::double", "double-colon"),
        ("select a % 7", "modulo"),
        ("select a // b", "integer-division"),
        ("select a / 86400000000", "integer-division"),
        ("select * exclude (a) from t", "dialect-star"),
        ("select a from t asof join u on t.a = u.a", "dialect-join"),
        ("select a.day, b.n as n from t a join u b on b.day = a.day", "named-columns"),
        ("select b.n as n, a.* from t a left join u b on b.day = a.day", "named-columns"),
        ("select d.n from (select distinct a.n from t a join u b on b.n = a.n) d", "named-columns"),
        ("select row_number() over () from t", "total-order"),
        ("select row_number() over (partition by a, b order by c) from t", "total-order"),
        ("select row_number() over (order by power(a, b)) from t", "total-order"),
    ],
)
def test_a_planted_fault_is_found(fault, rule):
    assert rule in {finding.rule for finding in portable_sql.check_text("select 1e0\n" + fault)}
    assert {finding.line for finding in portable_sql.check_text("select 1e0\n" + fault)} == {2}


def test_a_line_may_be_let_through_by_name_only():
    assert portable_sql.check_text("select 0.5 -- lint-skip: decimal (asked for by the test)") == []
    assert portable_sql.check_text("select 0.5 -- lint-skip: modulo") != []


def test_an_empty_folder_does_not_pass(monkeypatch, tmp_path):
    monkeypatch.setattr(portable_sql, "ROOT", tmp_path)
    monkeypatch.setattr(portable_sql, "SQL_FOLDER", tmp_path)
    assert portable_sql.main() == 1

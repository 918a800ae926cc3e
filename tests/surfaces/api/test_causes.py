"""Actions and effects over the API: what the commands tell, of the brands that the caller may see."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from tests.surfaces.api.conftest import make_token

from command_line import ask_fusion
from consumer_fusion.causal.effects.shrinking import measure_effects
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.routing import build_api
from effect_worlds import make_action, make_orders, open_world
from token_admission import admit_token

pytest.importorskip("numba", reason="numba is not installed (extra `cause`)")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The fair brought the bakery 40% more orders for a week; the tailor had a sale of no effect."""
    actions = [make_action(), make_action("sale", "tailor", days_ago=70)]
    with open_world(tmp_path_factory.mktemp("causes") / "ws", make_orders(lift=0.4), actions) as workspace:
        measure_effects(workspace, metrics=["orders"])
        yield workspace


@pytest.fixture
def ask(world):
    """Asks as a program that may see all brands, or some."""
    request_context = RequestContext(world, AuditBuffer(world.store, world.session_store), admit_token)

    def ask_as(path, brands=None):
        client = TestClient(
            build_api(request_context), headers={"Authorization": f"Bearer {make_token(world, brands)}"},
            raise_server_exceptions=False,
        )  # fmt: skip
        return client.get(path)

    yield ask_as
    request_context.close()


def test_effects_are_told_as_the_command_tells_them(world, ask):
    told = ask("/effects").json()
    assert told == ask_fusion(world.folder, "effects", "list")
    assert [each["action_id"] for each in told] == ["sale", "fair"]


def test_one_effect_is_told_with_its_grade_and_its_days(ask):
    told = ask("/effects/show?action_id=fair&metric=orders").json()
    assert told["low"] < 0.4 < told["high"]
    assert told["label"] == "consistent_with_cause"
    assert told["observed"][-1]["day"] == "2026-06-17"


def test_who_may_see_one_brand_finds_nothing_of_the_others(ask):
    assert [each["action_id"] for each in ask("/actions", ["tailor"]).json()] == ["sale"]
    assert [each["action_id"] for each in ask("/effects", ["tailor"]).json()] == ["sale"]
    assert ask("/effects/show?action_id=fair", ["tailor"]).status_code == 404
    assert ask("/effects?brand=bakery", ["tailor"]).status_code == 403
    assert ask("/metrics?brand=bakery", ["tailor"]).status_code == 403


def test_the_series_of_a_brand_are_listed(ask):
    (row,) = [row for row in ask("/metrics?brand=bakery").json() if row["metric"] == "orders"]
    assert (row["of"], row["days"], row["origin"]) == ("bakery", 300, "file")


def test_an_action_that_there_is_not_is_not_found_and_scores_are_not_measured_meanwhile(ask):
    assert ask("/effects/show?action_id=nothing").status_code == 404
    refused = ask("/effects/show?action_id=fair&metric=fusion_score")
    assert refused.status_code == 422
    assert refused.json()["code"] == "refused"

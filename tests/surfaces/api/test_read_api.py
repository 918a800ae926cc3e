"""What a program reads over HTTP is what the commands say."""

from __future__ import annotations

import json

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from command_line import ask_fusion
from consumer_fusion.access.audit import read_audit
from consumer_fusion.events.inbox_queue import append_arrivals
from consumer_fusion.records.access import Caller
from consumer_fusion.records.arrival import Arrival
from consumer_fusion.records.audit import Actor
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.routing import build_api
from small_workspaces import NOW

ANN = {"consumer": "ann", "brand": "bakery"}
AS_OF = NOW.isoformat()
QUESTIONS = (
    "/scores", "/score", "/movers", "/explain", "/changes", "/history", "/brands", "/kinds", "/points",
)  # fmt: skip


def read_all(program, **asked):
    """All rows of `/scores`, page by page."""
    rows, cursor = [], None
    while True:
        page = program.get("/scores", params={**asked, **({"cursor": cursor} if cursor else {})}).json()
        rows += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return rows


def test_scores_are_those_of_the_command(program, filled):
    told = ask_fusion(filled.folder, "score", "--as-of", AS_OF)
    found = read_all(program, as_of=AS_OF, limit=500)
    assert [(row["consumer"], row["brand"]) for row in found] == [
        (row["consumer"], row["brand"]) for row in told
    ]
    for row, wanted in zip(found, told, strict=True):
        assert row.keys() == wanted.keys()
        assert row["fusion_score"] == pytest.approx(wanted["fusion_score"], abs=1e-9)
        assert row["percentile"] == pytest.approx(wanted["percentile"], abs=1e-9)
        assert row["facets"] == pytest.approx(wanted["facets"], abs=1e-9)
        assert row["symbiosis"] == wanted["symbiosis"]


def test_the_score_of_a_pair_is_that_of_the_command(program, filled):
    (told,) = ask_fusion(filled.folder, "score", "--consumer", "ann", "--brand", "bakery", "--as-of", AS_OF)
    found = program.get("/score", params={**ANN, "as_of": AS_OF}).json()
    assert found.pop("facets") == pytest.approx(told.pop("facets"), abs=1e-9)
    assert found.pop("as_of")
    assert told.pop("as_of")
    numbers = {name for name, value in told.items() if isinstance(value, float)}
    assert {name: found[name] for name in numbers} == pytest.approx({name: told[name] for name in numbers})
    assert {name: found[name] for name in told.keys() - numbers} == {
        name: told[name] for name in told.keys() - numbers
    }


def test_an_explanation_is_that_of_the_command_and_adds_up(program, filled):
    told = ask_fusion(filled.folder, "explain", "ann", "bakery", "--as-of", AS_OF, "--without", "complaint-1")
    found = program.get("/explain", params={**ANN, "as_of": AS_OF, "without": "complaint-1"}).json()
    assert [row["event_id"] for row in found["contributions"]] == [
        row["event_id"] for row in told["contributions"]
    ]
    assert found["without"]["change"] == pytest.approx(told["without"]["change"])
    assert sum(row["contribution"] for row in found["contributions"]) == pytest.approx(
        found["fusion_score"] - 50, abs=1e-9
    )


def test_history_is_that_of_the_command(program, filled):
    told = ask_fusion(filled.folder, "explain", "ann", "bakery", "--as-of", AS_OF, "--history", "5")[
        "history"
    ]
    found = program.get("/history", params={**ANN, "as_of": AS_OF, "days": 5}).json()["items"]
    assert [row["day"] for row in found] == [f"2026-06-{day}" for day in range(11, 16)]
    for row, wanted in zip(found, told, strict=True):
        assert row["day"] == wanted["day"]
        assert row["fusion_score"] == pytest.approx(wanted["fusion_score"], abs=1e-9)


def test_changes_tell_what_moved_the_score(program):
    found = program.get("/changes", params={**ANN, "as_of": AS_OF}).json()["items"]
    complaint = next(row for row in found if row["event_id"] == "complaint-1")
    assert complaint["change"] < 0


def test_an_explanation_lists_some_events_and_sums_up_all_others(program):
    asked = {**ANN, "as_of": AS_OF}
    whole = program.get("/explain", params=asked).json()
    for sort in ("largest", "newest"):
        listed = []
        for offset in range(whole["event_count"]):
            page = program.get(
                "/explain", params={**asked, "sort": sort, "limit": 1, "offset": offset}
            ).json()
            listed.append(page["contributions"][0]["event_id"])
            shown = sum(row["contribution"] for row in page["contributions"])
            assert page["others"]["event_count"] == whole["event_count"] - 1 > 0
            assert shown + page["others"]["contribution"] == pytest.approx(
                page["fusion_score"] - 50, abs=1e-9
            )
        assert sorted(listed) == sorted({row["event_id"] for row in whole["contributions"]})
    assert sum(row["contribution"] for row in whole["kinds"]) == pytest.approx(
        whole["fusion_score"] - 50, abs=1e-9
    )


def test_earlier_changes_are_on_further_pages(program):
    asked = {**ANN, "as_of": AS_OF, "limit": 1}
    whole = program.get("/changes", params={**ANN, "as_of": AS_OF}).json()
    assert (whole["earlier"]["event_count"], whole["next_offset"]) == (0, None)
    found, offset = [], 0
    while offset is not None:
        page = program.get("/changes", params={**asked, "offset": offset}).json()
        found = [*page["items"], *found]
        offset = page["next_offset"]
    assert [row["event_id"] for row in found] == [row["event_id"] for row in whole["items"]]
    assert [row["change"] for row in found] == pytest.approx([row["change"] for row in whole["items"]])


def test_two_who_have_no_events_with_each_other_stand_at_fifty(program):
    pairs = {(each["consumer"], each["brand"]) for each in read_all(program)}
    consumers, brands = ({pair[place] for pair in pairs} for place in (0, 1))
    consumer, brand = min({(one, other) for one in consumers for other in brands} - pairs)
    found = program.get("/score", params={"consumer": consumer, "brand": brand}).json()
    assert (found["fusion_score"], found["symbiosis"], found["confidence"]) == (50.0, "unknown", 0.0)


@pytest.mark.parametrize("question", ["/score", "/explain", "/history"])
@pytest.mark.parametrize("pair", [{"brand": "bakery-2"}, {"consumer": "nobody"}])
def test_a_pair_of_which_one_is_unknown_is_not_found(program, question, pair):
    assert program.get(question, params={**ANN, **pair}).status_code == 404


def test_a_program_of_one_brand_cannot_tell_whom_only_others_know(program, bakery_program):
    everywhere = {each["consumer"] for each in read_all(program)}
    own = {each["consumer"] for each in read_all(program, brand="bakery")}
    told = {
        (answer.status_code, answer.text)
        for consumer in (min(everywhere - own), "nobody")
        for answer in [bakery_program.get("/score", params={"consumer": consumer, "brand": "bakery"})]
    }
    assert [status for status, _ in told] == [404]


def test_brands_are_those_of_the_command(program, filled):
    told = ask_fusion(filled.folder, "brands", "--as-of", AS_OF)
    found = program.get("/brands", params={"as_of": AS_OF}).json()["items"]
    assert [row["brand"] for row in found] == [row["brand"] for row in told]
    assert [row["mean"] for row in found] == pytest.approx([row["mean"] for row in told])


def test_movers_are_those_that_moved_most_in_their_direction(program):
    both = program.get("/movers", params={"as_of": AS_OF, "limit": 5}).json()["items"]
    falling = program.get("/movers", params={"as_of": AS_OF, "direction": "falling"}).json()["items"]
    sizes = [abs(row["change"]) for row in both]
    assert sizes == sorted(sizes, reverse=True)
    assert falling
    assert all(row["change"] < 0 for row in falling)


@pytest.mark.parametrize("order", [None, "lowest", "highest", "falling", "rising", "moving"])
def test_pages_together_hold_every_pair_once(program, order):
    asked = {"as_of": AS_OF, **({"order": order} if order else {})}
    whole, paged = read_all(program, limit=500, **asked), read_all(program, limit=7, **asked)
    assert paged == whole
    assert len({(row["consumer"], row["brand"]) for row in paged}) == len(paged) > 14
    if order in ("falling", "rising", "moving"):
        measures = {"falling": float, "rising": lambda change: -change, "moving": lambda change: -abs(change)}
        changes = [measures[order](row["change_28_days"]) for row in paged]
        assert changes == sorted(changes)


def test_a_cursor_goes_on_with_the_same_question_only(program):
    cursor = program.get("/scores", params={"limit": 2}).json()["next_cursor"]
    for asked in ({"order": "lowest"}, {"brand": "brand-1"}):
        answer = program.get("/scores", params={"cursor": cursor, **asked})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")


@pytest.mark.parametrize("cursor", ["abc", "W10", "WyJ4IiwxLDIsM10", "WzEsMiwzLDRd", "é", "W1tbW1tbW1s"])
def test_what_is_no_cursor_is_refused(program, cursor):
    assert program.get("/scores", params={"cursor": cursor}).status_code == 400


def test_what_did_not_change_is_not_sent_again(program):
    for question, asked in (("/score", ANN), ("/scores", {}), ("/explain", ANN), ("/points", {})):
        first = program.get(question, params=asked)
        again = program.get(question, params=asked, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b""), question
        assert again.headers["etag"] == first.headers["etag"]


def test_another_answer_has_another_validator(program):
    tags = {
        program.get("/score", params={**ANN, "brand": brand}).headers["etag"]
        for brand in ("bakery", "brand-1")
    }
    assert len(tags) == 2


@pytest.mark.parametrize("question", QUESTIONS)
def test_nobody_reads_without_a_token(program, question):
    answer = program.get(question, params=ANN, headers={"Authorization": ""})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_of_one_brand_reads_that_brand_only(bakery_program):
    assert {row["brand"] for row in read_all(bakery_program)} == {"bakery"}
    assert [row["brand"] for row in bakery_program.get("/brands").json()["items"]] == ["bakery"]
    assert {row["brand"] for row in bakery_program.get("/movers").json()["items"]} <= {"bakery"}
    for question in ("/scores", "/score", "/explain", "/changes", "/history", "/movers"):
        known = bakery_program.get(question, params={"consumer": "consumer-1", "brand": "brand-1"})
        unknown = bakery_program.get(question, params={"consumer": "consumer-1", "brand": "no-such-brand"})
        # Whether a brand exists does not show either.
        assert (known.status_code, known.json()) == (403, unknown.json()), question


def test_who_is_who_and_rejected_rows_are_not_for_tokens(program):
    for question in ("/identities", "/identities/show?consumer=ann", "/unattributed", "/rejected"):
        assert program.get(question).status_code == 403


def test_staff_see_who_is_who_and_it_is_on_record(filled):
    def admit(_workspace: object, _request: Request) -> Caller:
        return Caller(Actor("staff", "somebody"), "agent", None)

    audit_buffer = AuditBuffer(filled.store, filled.session_store)
    agent = TestClient(build_api(RequestContext(filled, audit_buffer, admit)))
    assert agent.get("/identities/show", params={"consumer": "ann"}).json()["members"] == ["ann"]
    assert agent.get("/rejected").json() == {"counts": [], "rows": []}
    audit_buffer.flush()
    with filled.store.reading() as session:
        acts = [entry.action for entry in read_audit(session, actor_id="somebody")]
    assert acts == ["view rejected rows", "view identity"]


def test_errors_have_one_shape(program):
    for method, question, status, code in (
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/score", 422, "invalid_input"),
        ("POST", "/score", 405, "method_not_allowed"),
        ("GET", "/scores?as_of=yesterday", 400, "invalid_input"),
        ("GET", "/scores?as_of=0001-01-01T00:00:00%2B14:00", 400, "invalid_input"),
        ("GET", "/scores?as_of=9999-12-31T23:59:59-14:00", 400, "invalid_input"),
        ("GET", "/scores?brand=no-such-brand", 404, "not_found"),
        ("GET", "/scores?limit=0", 422, "invalid_input"),
    ):
        answer = program.request(method, question)
        body = answer.json()
        assert (answer.status_code, body["status"], body["ok"], body["code"]) == (status, status, False, code)
        assert {"code", "message", "hint", "where"} == body["errors"][0].keys(), question


def test_an_error_does_not_repeat_what_was_sent(program):
    answer = program.get("/score", params={"consumer": "anna@example.org" * 60, "brand": "bakery"})
    assert answer.status_code == 422
    assert "anna@" not in answer.text


def test_a_failure_here_tells_nothing_of_the_inside(filled):
    def fail(_workspace: object, _request: Request) -> Caller:
        raise RuntimeError("the password is hunter2")

    broken = TestClient(
        build_api(RequestContext(filled, AuditBuffer(filled.store, filled.session_store), fail)),
        raise_server_exceptions=False,
    )
    answer = broken.get("/brands")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.text


def test_an_event_that_arrived_counts_in_an_answer_that_waits_for_it(program, filled):
    line = json.dumps(
        {"event_id": "late-1", "kind": "Order Completed", "consumer": "zoe", "brand": "bakery", "value": 30,
         "currency": "EUR", "occurred_at": AS_OF}
    )  # fmt: skip
    with filled.arrivals.writing() as session:
        append_arrivals(session, [Arrival("events", "shop", None, "source", None, filled.now_us, line)])
    found = program.get("/score", params={"consumer": "zoe", "brand": "bakery", "fresh": True}).json()
    assert found["fusion_score"] > 50

"""Actions, effects and the planner in the console: declared, measured, told in plain words, for those who may."""

from __future__ import annotations

import csv
import html
import io
import json
import re

import pytest

from console_town import PARTIAL, READER, SITE
from consumer_fusion.causal.effects import effect_wording
from consumer_fusion.causal.effects.action_effect import describe_effect
from consumer_fusion.causal.effects.operations import EffectParameters, answer_question
from consumer_fusion.causal.effects.shrinking import show_effect

pytest.importorskip("numba", reason="numba is not installed (extra `cause`)")
FOLLOWERS = "/effect?action=founding-concert&metric=followers"
ACTIONS = "/actions?brand=sweater-brand"


def test_the_concert_is_on_the_timeline_with_the_days_that_were_declared(owner):
    page = owner.get(ACTIONS).text
    assert "Concert of the pop artist, seen in the sweater" in page
    assert "8 Jun 2026 to 21 Jun 2026" in page
    # What is true in the simulated town is nothing that a brand knows before.
    assert "changes nothing" not in page


def test_the_followers_of_the_artist_are_the_hundred_thousand_of_the_story(owner):
    page = owner.get(FOLLOWERS).text
    assert "changed, cause unclear" in page
    assert "there was no comparable control series" in page
    total = re.search(r"and \+([\d,]+) over 3 days", page).group(1)
    assert abs(int(total.replace(",", "")) - 100_000) < 3_000
    assert "changes no score" in page


def test_the_numbers_of_the_course_come_as_csv_day_by_day(owner):
    answer = owner.get(f"/effect/figure{FOLLOWERS.removeprefix('/effect')}&name=course&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) > 60
    assert max(float(row["observed"]) for row in rows) > 50_000
    assert set(rows[0]) == {"day", "observed", "expected", "low", "high"}


@pytest.mark.parametrize("name", ["course", "cumulative", "placebos"])
def test_every_chart_of_an_effect_is_drawn_with_its_finding_and_its_numbers(owner, name):
    part = owner.get(
        f"/effect/figure{FOLLOWERS.removeprefix('/effect')}&name={name}", headers={"HX-Request": "true"}
    )
    assert "<svg" in part.text
    assert 'class="finding"' in part.text
    assert "<table" in part.text


def read_numbers(owner, name):
    answer = owner.get(f"/effect/figure{FOLLOWERS.removeprefix('/effect')}&name={name}&format=csv")
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def test_one_effect_has_one_total_on_every_face(owner, console):
    page = html.unescape(owner.get(FOLLOWERS).text)
    told = re.search(r"That is [^.]* over 3 days \([^)]*\)\.", page).group(0)
    chart = owner.get(
        f"/effect/figure{FOLLOWERS.removeprefix('/effect')}&name=cumulative", headers={"HX-Request": "true"}
    )
    assert told in html.unescape(chart.text), "the chart says the same sentence"
    asked = EffectParameters(action_id="founding-concert", metric="followers")
    report = answer_question(console[1], asked)
    assert told == effect_wording.explain_total(report)
    assert float(read_numbers(owner, "cumulative")[-1]["total"]) == pytest.approx(report.cumulative)
    shown = show_effect(console[1], report)
    assert told in effect_wording.explain_finding(shown), "so do the command and the report"
    course = describe_effect(shown)
    days = [
        seen.value - thought.value
        for day, seen, thought in zip(report.days, course.observed, course.expected, strict=True)
        if report.start_day <= day <= report.end_day
    ]
    assert sum(days) == pytest.approx(report.cumulative), "and the days of the API and of --json add up to it"


def test_who_may_not_see_a_brand_finds_none_of_its_actions(sign_in):
    partial = sign_in(PARTIAL)
    assert partial.get(ACTIONS).status_code == 403
    assert partial.get(FOLLOWERS).status_code == 404
    assert partial.get("/planner?brand=sweater-brand").status_code == 403


def test_a_reader_may_look_but_not_declare(sign_in):
    reader = sign_in(READER)
    assert "Declare an action" not in reader.get(ACTIONS).text
    answer = reader.send(
        ACTIONS, "/actions/declare", brand="sweater-brand", title="x", starts_at="2026-06-01T00:00",
        assignment="unknown", expected_effect="unknown",
    )  # fmt: skip
    assert answer.status_code == 403


def test_an_action_is_declared_measured_listed_and_withdrawn(owner):
    declared = owner.send(
        ACTIONS, "/actions/declare", brand="sweater-brand", action_id="sale", title="A summer sale",
        action_type="price", starts_at="2026-06-10T08:00", assignment="everybody", expected_effect="temporary",
        delay_days="1", effect_days="5", back=ACTIONS,
    )  # fmt: skip
    assert "A summer sale" in declared.text
    assert "11 Jun 2026 to 15 Jun 2026" in declared.text
    measured = owner.send(
        "/effects?brand=sweater-brand",
        "/effects/measure",
        brand="sweater-brand",
        back="/effects?brand=sweater-brand",
    )
    assert "Effects measured: " in measured.text
    assert measured.text.count("A summer sale") >= 2
    withdrawn = owner.send(ACTIONS, "/actions/withdraw", action_id="sale", back=ACTIONS)
    assert "“A summer sale” is withdrawn" in withdrawn.text
    assert "A summer sale" not in owner.get("/effects?brand=sweater-brand").text


def test_a_day_that_is_no_number_is_said_to_be_none(owner):
    answer = owner.send(
        ACTIONS, "/actions/declare", brand="sweater-brand", title="x", starts_at="2026-06-01T00:00",
        assignment="unknown", expected_effect="unknown", delay_days="1.5",
    )  # fmt: skip
    assert answer.status_code == 400
    assert "“Effect from day” cannot be read" in answer.text


def test_a_file_of_actions_is_uploaded(owner):
    line = {"action_id": "fair", "brand": "book-shop", "title": "A book fair", "starts_at": "2026-06-01"}
    files = {"file": ("fair.jsonl", json.dumps(line).encode())}
    page = "/actions?brand=book-shop"
    form = {"form_token": owner.find_token(page), "back": page}
    answer = owner.http.post("/actions/import", data=form, files=files, headers={"Origin": SITE})
    assert "Actions declared: 1; already declared: 0." in answer.text
    assert "A book fair" in answer.text
    owner.send("/actions?brand=book-shop", "/actions/withdraw", action_id="fair")


def test_a_hold_out_is_drawn_put_on_record_and_its_list_is_downloaded(owner):
    drawn = owner.send(
        "/planner?brand=corner-grocery", "/experiments/draw", brand="corner-grocery", title="A letter in spring",
        kind="Campaign Received", starts_at="2099-03-01T08:00", share="0.3", horizon_days="28", seed="7",
        back="/planner?brand=corner-grocery",
    )  # fmt: skip
    assert "A letter in spring" in drawn.text
    path = re.search(r'href="(/planner/list[^"]+)"', drawn.text).group(1).replace("&amp;", "&")
    rows = list(csv.DictReader(io.StringIO(owner.get(path).text)))
    arms = [row["arm"] for row in rows]
    assert 0 < arms.count("held_out") < arms.count("treated")
    assert "draw control group" in owner.get("/audit").text


def test_a_hold_out_of_an_action_that_has_begun_is_refused(owner):
    answer = owner.send(
        "/planner?brand=corner-grocery", "/experiments/draw", brand="corner-grocery", title="Too late",
        kind="Campaign Received", starts_at="2020-03-01T08:00", share="0.3", horizon_days="28", seed="7",
        back="/planner?brand=corner-grocery",
    )  # fmt: skip
    assert answer.status_code == 422


def test_a_metric_that_nobody_told_is_a_reason_in_words_not_an_error(owner):
    page = owner.get("/planner?brand=corner-grocery&metric=followers")
    assert page.status_code == 200
    assert "not enough days of followers" in page.text


def test_what_the_concert_did_stands_beside_the_points_of_the_artist_and_moves_no_score(owner):
    pair = "consumer=pop-artist&brand=sweater-brand"
    page = f"/relationship?{pair}&as_of=2026-06-15T20:30"
    before = re.search(r'<span class="value">([\d.]+)</span>', owner.get(page).text).group(1)
    owner.send(FOLLOWERS, "/effects/measure", action_id="founding-concert", metrics="followers")
    part = owner.get(f"/relationship/effects?{pair}", headers={"HX-Request": "true"}).text
    assert "Concert of the pop artist, seen in the sweater" in part
    assert "followers gained" in part
    assert "does not change the score" in part
    assert (
        re.search(r'<span class="value">([\d.]+)</span>', owner.get(page).text).group(1) == before == "45.0"
    )


def test_nothing_stands_beside_the_points_of_who_was_never_seen_with_the_brand(owner):
    part = owner.get(
        "/relationship/effects?consumer=pop-artist&brand=salmon-restaurant", headers={"HX-Request": "true"}
    )
    assert "Measured impact" not in part.text

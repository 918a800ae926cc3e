"""Real public posts to 25 companies, from file to page: read, masked, and summed up only where there are enough."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from command_line import ask_fusion
from consumer_fusion.messages.redaction import redact_details

DATA = Path(os.environ.get("CONSUMER_FUSION_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
TURNS = DATA / "ibm_twitter_care" / "turns.parquet"
MAPPING = """
[source]
name = "twitter"
[fields]
event_id = "tweet_id"
occurred_at = "ts"
consumer = "client"
brand = "company"
text = "text"
channel = { constant = "twitter" }
[kind]
default = "Reply Sent"
[[kind.rules]]
kind = "Post Published"
column = "side"
equals = "client"
"""

pytestmark = pytest.mark.skipif(not TURNS.exists(), reason="the data set ibm_twitter_care is not here")


@pytest.fixture
def companies(workspace):
    mapping = workspace / "turns.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    ask_fusion(workspace, "import", TURNS, "--map", mapping)
    return workspace


def test_dissatisfaction_is_told_per_company_with_its_interval_and_not_of_a_few(companies):
    rows = ask_fusion(companies, "sentiment", "brands")
    assert len(rows) == 25
    assert sum(row["messages"] + row["unknown"] for row in rows) == pytest.approx(1_170, abs=10)
    for row in rows:
        if row["messages"] < 30:
            assert row["dissatisfied"] is row["dissatisfied_low"] is row["dissatisfied_high"] is None
        else:
            assert 0 < row["dissatisfied_low"] < row["dissatisfied"] < row["dissatisfied_high"] < 1
    assert sum(row["messages"] >= 30 for row in rows) >= 10
    # What a month has too few messages for is unknown, whatever the company.
    for row in rows[:3]:
        for month in ask_fusion(companies, "sentiment", "months", row["brand"]):
            assert (month["negative"] is None) == (month["messages"] < 30)


def test_replies_of_companies_are_not_what_consumers_say(companies):
    rows = ask_fusion(companies, "messages", "list", "--limit", 2_000)
    assert {row["kind"] for row in rows} == {"Post Published"}


def test_handles_links_and_addresses_are_masked_for_whom_may_not_see_them(companies):
    rows = ask_fusion(companies, "messages", "list", "--limit", 2_000)
    masked = [redact_details(row["text"]) for row in rows]
    assert sum("@" in row["text"] for row in rows) > 1_000
    left = [text for text in masked if re.search(r"(?<![\w.])@\w{2,}|https?://\S", text)]
    assert left == []

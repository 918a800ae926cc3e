"""Nothing that is logged tells who a person is."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from consumer_fusion.errors import InputError
from consumer_fusion.records import find_tables
from consumer_fusion.server.logs import REDACTED, redact_text


@pytest.mark.parametrize(
    "personal",
    [
        "anna.rossi@example.org", "anna%40example.org", "+39 333 123 45 67", "192.168.17.4", "2001:db8::8a2e:370:7334",
        "Bearer cft_abcdefghijklmnop", "Basic YW5uYTpzZWNyZXQ=", "cfw_q8f7s6d5a4s3d2f1", "ANNA@EXAMPLE.ORG",
    ],
)  # fmt: skip
def test_what_looks_like_a_person_or_a_secret_is_left_out_of_texts(lines, personal):
    logging.getLogger("anything").warning("it was %s who came", personal)
    structlog.get_logger("other").info("came", note=f"told by {personal}", more=[{"deep": (personal,)}])
    told = json.dumps(lines())
    assert len(lines()) == 2
    assert personal not in told
    assert REDACTED in told


def test_what_was_asked_for_is_left_out(lines):
    logging.getLogger("anything").info("GET /api/v1/score?consumer=anna&brand=bakery 200")
    assert "anna" not in json.dumps(lines())
    assert "/api/v1/score" in lines()[0]["event"]


@pytest.mark.parametrize(
    "field", ["consumer", "email", "text", "Authorization", "cookie", "password", "line", "lines", "raw"]
)
def test_personal_fields_are_left_out_whole(lines, field):
    structlog.get_logger("other").info("came", **{field: "Anna Rossi"})
    assert lines()[0][field] == REDACTED


def test_every_personal_column_is_such_a_field(lines):
    names = {name for table in find_tables() for name in table.personal_columns}
    structlog.get_logger("other").info("came", values_of=dict.fromkeys(names, "Anna Rossi"))
    assert names
    assert "Anna" not in json.dumps(lines())


def test_an_exception_is_told_without_what_it_says(lines):
    def fail():
        raise ValueError("no consumer anna@example.org, called Anna Rossi")

    try:
        fail()
    except ValueError:
        logging.getLogger("anything").exception("it failed")
    (entry,) = lines()
    assert entry["exception"]["type"] == "ValueError"
    assert any("fail" in line for line in entry["exception"]["through"])
    assert "Anna" not in json.dumps(entry)


def test_our_own_errors_are_told_with_their_code(lines):
    logging.getLogger("anything").error("it failed", exc_info=InputError("The file has no column `kind`."))
    assert lines()[0]["exception"]["code"] == "invalid_input"
    assert "kind" in lines()[0]["exception"]["explanation"]


def test_what_is_nobodys_stays(lines):
    harmless = "event 0197-8f3c took 12.5 ms at 2026-06-15T12:00:00Z in segment/bucket=03, version 1.10.2"
    assert redact_text(harmless) == harmless
    logging.getLogger("anything").info(harmless)
    assert lines()[0]["event"] == harmless
    assert lines()[0]["level"] == "info"


def test_addresses_of_requests_are_not_logged_by_the_server(lines):
    logging.getLogger("uvicorn.access").info('127.0.0.1 - "GET /api/v1/score?consumer=anna HTTP/1.1" 200')
    assert lines() == []

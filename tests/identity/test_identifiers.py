"""The forms in which identifiers are compared and shown."""

from __future__ import annotations

import pytest

from consumer_fusion.records.identifier import (
    mask_consumer_key,
    mask_identifier,
    normalise_identifier,
    normalise_identifiers,
)


@pytest.mark.parametrize(
    ("identifier_type", "value", "expected"),
    [
        ("E-Mail", " Anna.Maier@Example.ORG ", ("email", "anna.maier@example.org", "strong")),
        ("phone", "+49 (0)170 / 123-4567", ("phone", "+491701234567", "strong")),
        ("phoneNumber", "0049 170 1234567", ("phone", "+491701234567", "strong")),
        ("phone", "0170 1234567", ("phone", "01701234567", "strong")),
        ("userId", "U-7", ("user_id", "U-7", "strong")),
        ("anonymousId", "f00", ("anonymous_id", "f00", "weak")),
        ("loyalty card", "0012", ("loyalty_card", "0012", "strong")),
        ("tattoo", "anchor", ("tattoo", "anchor", "weak")),
    ],
)
def test_an_identifier_is_compared_in_one_form(identifier_type, value, expected):
    found = normalise_identifier(identifier_type, value)
    assert found is not None
    assert (found.type, found.value, found.strength) == expected


@pytest.mark.parametrize(
    ("identifier_type", "value"),
    [("email", "none"), ("email", "not-an-address"), ("phone", "123"), ("device", " "), ("ip", "10.0.0.1")],
)
def test_what_names_nobody_is_no_identifier(identifier_type, value):
    assert normalise_identifier(identifier_type, value) is None


def test_the_strongest_identifier_comes_first():
    found = normalise_identifiers({"cookie": "c", "email": "a@b.org", "device": "d", "account": "a"})
    assert [each.type for each in found] == ["account", "email", "device", "cookie"]


def test_a_masked_identifier_can_be_recognised_but_not_used():
    assert mask_identifier("email", "anna@example.org") == "a***@example.org"
    assert mask_identifier("phone", "+491701234567") == "***4567"
    assert mask_identifier("account", "4711") == "***"
    assert mask_consumer_key("email:anna@example.org") == "email:a***@example.org"
    assert mask_consumer_key("anna") == "anna"


def test_an_identity_is_shown_with_what_it_is_known_by(town):
    town.see((None, {"device": "phone-7"}), ("anna", {"email": "anna@example.org", "device": "phone-7"}))
    shown = town.identity("device:phone-7")
    assert shown.consumer == "anna"
    assert shown.members == ["anna", "device:phone-7"]
    assert [(each.type, each.masked) for each in shown.identifiers] == [
        ("email", "a***@example.org"),
        ("device", "***"),
    ]

"""Redaction: contact details and account numbers are masked, and what a message is about stays."""

from __future__ import annotations

import pytest

from consumer_fusion.messages.redaction import find_details, redact_details


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to anna.rossi@example.it, please", "Write to [email], please"),
        ("call +39 347 123 4567, or 347 1234567.", "call [phone], or [phone]."),
        ("call (212) 555-0123 about flight DL1234", "call [phone] about flight DL1234"),
        ("my card 4111 1111 1111 1111 was charged", "my card [card] was charged"),
        ("IBAN IT60 X054 2811 1010 0000 0123 456 please", "IBAN [iban] please"),
        ("@delta where is my bag?", "[handle] where is my bag?"),
        ("see https://example.com/order?id=7 for it", "see [link] for it"),
        ("Abito in via Roma 12, a Milano", "Abito in [address], a Milano"),
        ("I live at 221 Baker Street, London", "I live at [address], London"),
        ("221B Baker Street, London NW1 6XE", "[address], London [address]"),
        ("find me on t.me/annarossi and fb.com/anna", "find me on [link] and [link]"),
        ("ask @Anna-Rossi", "ask [handle]"),
        ("ANNA.ROSSI＠EXAMPLE.COM", "[email]"),
        ("codice fiscale RSSMRA85T10A562S", "codice fiscale [tax code]"),
        ("Consegnate in Corso Vittorio Emanuele II 5", "Consegnate in [address]"),
    ],
)
def test_contact_details_are_masked(text, masked):
    assert redact_details(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "Order 4471120987 of 12/10/2026 at 10:30 cost 1,299.00 euro",
        "my card 4111 1111 1111 1112 was charged 120.50 on 2026-06-15",
        "Room 305, table 7, gate B12",
        "It was either/or, 24/7, and a tie/draw. Yes.No",
        "Ho 20000 punti e 12345 passi",
        "Passo per la via più corta",
        "Ho pagato 49,90 € per 3 magliette taglia 42",
        "",
    ],
)
def test_numbers_of_orders_prices_and_dates_stay(text):
    assert redact_details(text) == text


def test_where_two_overlap_the_surer_holds():
    (found,) = find_details("IT60X0542811101000000123456")
    assert found[2] == "iban"

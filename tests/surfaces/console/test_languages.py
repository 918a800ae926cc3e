"""Languages: every text is there in every language, and numbers and days are written as each writes them."""

from __future__ import annotations

import functools
import importlib.util
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from consumer_fusion.i18n.locales import LANGUAGES, choose_language, load_language
from consumer_fusion.i18n.translation import ENGLISH, _, ngettext, use_language

ROOT = Path(__file__).resolve().parents[3]


def load_script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


translate = load_script("translate")
# It reads every page and every module, which takes seconds; what it finds is the same each time.
translate.find_texts = functools.cache(translate.find_texts)


@pytest.mark.slow
@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_every_text_is_translated_with_its_placeholders(language):
    assert translate.find_faults(language) == []


@pytest.mark.slow
def test_the_script_finds_texts_of_pages_of_charts_and_of_kinds():
    texts = translate.find_texts()
    assert {"Sign out", "Fusion Score (0 to 100)", "Order Completed", "{count} event"} <= set(texts)
    assert texts["{count} event"] == ("{count} event", "{count} events")


def test_vendored_files_are_the_pinned_ones():
    assert load_script("vendor_static").find_faults() == []


@pytest.mark.parametrize(
    ("code", "number", "share", "day", "time"),
    [
        ("en", "1,234.5", "12%", "5 Jun 2026", "5 Jun 2026, 20:00"),
        ("it", "1.234,5", "12%", "5 giu 2026", "5 giu 2026, 20:00"),
    ],
)
def test_numbers_and_days_are_written_as_each_language_writes_them(code, number, share, day, time):
    language = load_language(code)
    assert language.write_number(1234.5, 1) == number
    assert language.write_share(0.12) == share
    assert language.write_day(date(2026, 6, 5)) == day
    assert language.write_time(datetime(2026, 6, 5, 20, tzinfo=UTC)) == time


def test_the_english_of_the_console_is_that_of_the_reports():
    english, moment = load_language("en"), datetime(2026, 9, 1, 7, 5, tzinfo=UTC)
    assert english.write_number(-1234.56, 1).replace("−", "-") == ENGLISH.write_number(-1234.56, 1)
    assert english.write_day(date(2026, 1, 5)) == ENGLISH.write_day(date(2026, 1, 5))
    assert english.write_time(moment).replace("Sept", "Sep") == ENGLISH.write_time(moment)


def test_money_stands_with_its_currency():
    assert load_language("it").write_money(1234.5, "EUR").replace("\xa0", " ") == "1.234,50 €"


def test_a_count_chooses_its_form():
    with use_language(load_language("it")):
        assert ngettext("{count} event", "{count} events", 1) == "1 evento"
        assert ngettext("{count} event", "{count} events", 1200) == "1.200 eventi"


def test_what_is_not_translated_is_said_in_english():
    with use_language(load_language("it")):
        assert _("A kind that only this workspace has") == "A kind that only this workspace has"


@pytest.mark.parametrize(
    ("chosen", "accepted", "code"),
    [
        (None, "it-IT,it;q=0.9,en;q=0.8", "it"),
        (None, "de,en;q=0.5,it;q=0.4", "en"),
        (None, "de", "en"),
        (None, None, "en"),
        ("it", "en", "it"),
        ("xx", "it;q=bad, it", "it"),
    ],
)
def test_the_language_is_the_chosen_one_else_the_browsers(chosen, accepted, code):
    assert choose_language(chosen, accepted).code == code

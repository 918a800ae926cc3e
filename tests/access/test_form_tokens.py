"""Form tokens and origins: a page of another site cannot make a browser change anything."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer_fusion.access.form_tokens import (
    check_form,
    check_origin,
    is_form_token,
    make_form_token,
    read_signing_key,
)
from consumer_fusion.errors import PermissionDeniedError, SettingsError

KEY = b"k" * 32
OWN = "https://fusion.example.org"


@given(st.text(min_size=1, max_size=60))
def test_a_form_made_for_this_browser_is_taken(held):
    assert is_form_token(KEY, held, make_form_token(KEY, held))


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_a_form_made_for_another_browser_is_not(mine, theirs):
    assert is_form_token(KEY, mine, make_form_token(KEY, theirs)) is (mine == theirs)


@given(st.text(max_size=120))
def test_no_other_text_is_taken(text):
    assert not is_form_token(KEY, "held", text)
    with pytest.raises(PermissionDeniedError):
        check_form(KEY, "held", text)


def test_a_form_made_with_another_installations_key_is_not_taken():
    assert not is_form_token(KEY, "held", make_form_token(b"o" * 32, "held"))


def test_a_browser_that_holds_nothing_sends_no_forms():
    assert not is_form_token(KEY, "", make_form_token(KEY, ""))


def test_the_bytes_never_repeat_so_that_compression_tells_nothing():
    tokens = [make_form_token(KEY, "held") for _ in range(50)]
    assert len({token[:20] for token in tokens}) == 50
    assert len({token[-20:] for token in tokens}) == 50


@pytest.mark.parametrize(
    ("origin", "referrer", "fetch_site"),
    [
        (OWN, None, None),
        (OWN, None, "same-origin"),
        ("https://FUSION.example.org:443", None, None),
        (None, f"{OWN}/points", None),
        (None, None, "same-origin"),
        ("null", None, "same-origin"),
    ],
)
def test_a_change_from_a_page_of_ours_is_taken(origin, referrer, fetch_site):
    check_origin(origin, referrer, fetch_site, OWN)


@pytest.mark.parametrize(
    ("origin", "referrer", "fetch_site"),
    [
        ("https://evil.example", None, None),
        ("https://evil.example", None, "cross-site"),
        ("https://evil.example", f"{OWN}/points", None),
        ("https://fusion.example.org.evil.example", None, None),
        ("https://fusion.example.org@evil.example", None, None),
        ("http://fusion.example.org", None, None),
        ("https://fusion.example.org:8443", None, None),
        ("https://other.example.org", None, "same-site"),
        (OWN, None, "cross-site"),
        (OWN, None, "none"),
        ("https://evil.example", None, "same-origin"),
        ("null", None, None),
        ("null", None, "cross-site"),
        (None, None, None),
        ("", None, None),
        ("https://[", None, None),
        (None, "https://evil.example/?https://fusion.example.org", None),
    ],
)
def test_a_change_from_elsewhere_or_nowhere_is_refused(origin, referrer, fetch_site):
    with pytest.raises(PermissionDeniedError):
        check_origin(origin, referrer, fetch_site, OWN)


def test_the_signing_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    key = read_signing_key(tmp_path)
    assert len(key) == 32
    assert read_signing_key(tmp_path) == key
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_signing_key_that_is_cut_off_is_not_used(tmp_path):
    read_signing_key(tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"short")
    with pytest.raises(SettingsError):
        read_signing_key(tmp_path)

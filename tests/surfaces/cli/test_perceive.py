"""`fusion perceive`: messages are read on this machine, without a workspace."""

from __future__ import annotations

from pathlib import Path

from command_line import run_fusion


def test_one_message_is_told_part_by_part() -> None:
    run = run_fusion("perceive", "The waiter was rude and the soup was cold")
    assert run.status == 0
    assert "negative" in run.output
    assert "about staff" in run.output
    assert "model" in run.output


def test_messages_of_a_file_are_read_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "messages.txt"
    file.write_text("Where is my parcel?\n\nIl treno era in ritardo di un'ora\n", encoding="utf-8")
    told = run_fusion("perceive", "--file", file, "--json").told
    assert [each["text"] for each in told] == ["Where is my parcel?", "Il treno era in ritardo di un'ora"]
    assert [each["language"] for each in told] == ["en", "it"]
    assert told[0]["said"] == "neutral"
    assert told[1]["said"] == "negative"


def test_what_is_not_known_is_null() -> None:
    (told,) = run_fusion("perceive", "你好", "--json").told
    assert told["abstained"]
    assert told["said"] is None
    assert told["dissatisfaction"] is None
    assert told["emotions"] is None
    shown = run_fusion("perceive", "你好").output
    assert "nobody named" not in shown
    assert "abstains" in shown


def test_no_message_is_an_error_that_says_what_to_do() -> None:
    run = run_fusion("perceive")
    assert run.status == 1
    assert "fusion perceive" in run.complaint


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    file.write_bytes(b"\x89PNG\xff\xfe")
    run = run_fusion("perceive", "--file", file)
    assert run.status == 1
    assert "UTF-8" in run.complaint

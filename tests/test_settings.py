"""Settings: the environment goes before the file, the file before the default; whatever is wrong is refused."""

from __future__ import annotations

import pytest

from consumer_fusion.errors import SettingsError
from consumer_fusion.settings import SETTINGS_FILE, read_settings


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A folder whose settings are those of its file alone."""
    monkeypatch.delenv("CONSUMER_FUSION_THREADS", raising=False)
    (tmp_path / SETTINGS_FILE).write_text('threads = 3\nplaceholder_keys = ["walk-in"]\n', encoding="utf-8")
    return tmp_path


def test_the_file_goes_before_the_defaults(workspace):
    settings = read_settings(workspace)
    assert (settings.threads, settings.placeholder_keys, settings.memory_limit_mb) == (3, ["walk-in"], 1024)


def test_the_environment_goes_before_the_file(workspace, monkeypatch):
    monkeypatch.setenv("CONSUMER_FUSION_THREADS", "2")
    monkeypatch.setenv("CONSUMER_FUSION_PLACEHOLDER_KEYS", '["till", "0000"]')
    settings = read_settings(workspace)
    assert (settings.threads, settings.placeholder_keys) == (2, ["till", "0000"])


@pytest.mark.parametrize(
    ("name", "value"), [("THREADS", "many"), ("THREADS", "-1"), ("PLACEHOLDER_KEYS", "till")]
)
def test_a_wrong_value_in_the_environment_is_refused_by_its_name(workspace, monkeypatch, name, value):
    monkeypatch.setenv(f"CONSUMER_FUSION_{name}", value)
    with pytest.raises(SettingsError, match=name.lower()) as refused:
        read_settings(workspace)
    assert refused.value.where == f"environment variable CONSUMER_FUSION_{name}"


def test_an_unknown_name_in_the_file_is_refused(workspace):
    (workspace / SETTINGS_FILE).write_text("thread = 3\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="thread"):
        read_settings(workspace)


def test_an_unknown_name_in_the_environment_may_be_another_programs(workspace, monkeypatch):
    monkeypatch.setenv("CONSUMER_FUSION_WORKSPACE", "elsewhere")
    assert read_settings(workspace).threads == 3

"""Settings: names, defaults and meanings.

A setting is looked up in the environment (`CONSUMER_FUSION_MEMORY_LIMIT_MB`), then in the workspace's
`fusion.toml`; otherwise its default applies.
"""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consumer_fusion.errors import SettingsError

SETTINGS_FILE = "fusion.toml"
BUCKET_COUNT = 16
"""Number of groups of segment files over which consumers are spread. Not a setting: changing it moves every file."""


class Settings(BaseModel):
    """The settings of a workspace."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    memory_limit_mb: int = Field(
        default=1024,
        ge=128,
        description="Memory that the compute engine may use before it spills to disk.",
    )
    threads: int = Field(
        default=0,
        ge=0,
        description="Threads of the compute engine; 0 uses one per core. Imports and landings use one.",
    )
    inbox_import_limit: int = Field(
        default=50_000, ge=0, description="Imports of more new events than this go straight to segments."
    )
    seal_after_days: int = Field(
        default=2,
        ge=1,
        description="Number of days that events stay in the inbox, so that late arrivals are compared with them there.",
    )
    future_tolerance_hours: float = Field(
        default=24.0,
        ge=0,
        description="Maximum number of hours that an event may be dated after its reception.",
    )
    placeholder_keys: list[str] = Field(
        default=[],
        description="Additional placeholder keys that identify nobody, such as walk-in; their events fall back to "
        "their other identifiers, as those of guest, 0 or null always do.",
    )
    identifier_limit: int = Field(
        default=50,
        ge=1,
        description="Maximum number of identifiers per consumer; more are not linked.",
    )
    perceiver: str = Field(
        default="",
        description="Model that reads messages: empty for the shipped one, ngrams for it without the sentence encoder, "
        "onnx:FOLDER or transformers:FOLDER for a local model of polarity, endpoint:URL#MODEL for an OpenAI-compatible "
        "endpoint, to which messages are sent with contact details masked.",
    )
    perceiver_timeout_seconds: float = Field(
        default=20.0,
        gt=0,
        description="Maximum time for the endpoint that reads messages; then the shipped model does.",
    )
    country: str = Field(
        default="",
        max_length=2,
        description="Country whose holidays are used when effects are measured, such as IT; empty for none.",
    )


def read_settings(workspace_folder: Path) -> Settings:
    """The settings of the workspace in a folder.

    Raises:
        SettingsError: A value has the wrong type, or a name is unknown.
    """
    path = workspace_folder / SETTINGS_FILE
    try:
        in_file: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{SETTINGS_FILE} is not valid TOML: {error}.", where=str(path)) from error

    in_environment = _read_environment()
    try:
        return Settings.model_validate(in_file | in_environment)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        variables = [
            _name_variable(name)
            for name in in_environment
            if any(name in each["loc"] for each in error.errors())
        ]
        raise SettingsError(
            f"A setting has an invalid value: {problems}.",
            hint="See docs/reference/settings.md for names and ranges.",
            where=f"environment variable {', '.join(variables)}" if variables else str(path),
        ) from error


def _read_environment() -> dict[str, Any]:
    """The values that the environment gives; lists are written as in TOML and JSON, `["walk-in"]`."""
    given = {name: os.environ.get(_name_variable(name)) for name in Settings.model_fields}
    return {
        name: _read_list(value) if isinstance(Settings.model_fields[name].default, list) else value
        for name, value in given.items()
        if value is not None
    }


def _name_variable(setting: str) -> str:
    return f"CONSUMER_FUSION_{setting.upper()}"


def _read_list(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value  # refused below, with the reason


def write_settings(workspace_folder: Path) -> None:
    """Write a settings file that lists every setting, commented out, with its default and meaning."""
    lines = ["# Settings of this workspace. Remove the # before a line to change it.", ""]
    for name, field in Settings.model_fields.items():
        lines += [f"# {field.description}", f"# {name} = {json.dumps(field.default)}", ""]
    (workspace_folder / SETTINGS_FILE).write_text("\n".join(lines), encoding="utf-8")

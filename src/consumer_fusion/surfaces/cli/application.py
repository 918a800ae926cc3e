"""The `fusion` application: its commands, and the handling of errors."""

from __future__ import annotations

import functools
import importlib
import signal
import sys
from types import FrameType
from typing import Any

import typer
from typer.core import TyperGroup

from consumer_fusion.errors import FusionError, StoreError

_COMMANDS = {
    "demo": "demo",
    "init": "operation",
    "import": "importing:import_",
    "score": "scores",
    "explain": "scores",
    "brands": "scores",
    "rejected": "rejected:application",
    "identity": "identity:application",
    "points": "points:application",
    "calibrate": "calibration",
    "predict": "calibration",
    "experiments": "experiments:application",
    "audience": "comparisons",
    "panel": "comparisons",
    "report": "report",
    "serve": "serve",
    "export": "operation",
    "backup": "backup",
    "restore": "backup",
    "doctor": "operation",
    "version": "version",
}
"""Handwritten commands: module in this folder, and name in it where that differs."""


class LazyGroup(TyperGroup):
    """The commands, each imported on use; those of capabilities are generated from their operations."""

    @property
    def commands(self) -> dict[str, Any]:
        """All commands by name, for the reference."""
        return {name: self.get_command(None, name) for name in self.list_commands(None)}

    @commands.setter
    def commands(self, given: object) -> None:
        """Ignore commands registered by Typer itself; there are none."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        return list(dict.fromkeys((*_COMMANDS, *_find_groups())))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name; None where there is none."""
        return _build_command(cmd_name)


@functools.cache
def _build_command(name: str) -> Any:
    if name not in _COMMANDS:
        made = _find_groups().get(name)
        return None if made is None else _make_group(made, name)
    module, _, attribute = _COMMANDS[name].partition(":")
    found = getattr(importlib.import_module(f"consumer_fusion.surfaces.cli.{module}"), attribute or name)
    if isinstance(found, typer.Typer):
        # Handwritten commands join the generated commands of the same group.
        if name in _find_groups():
            made = _find_groups()[name]
            made.registered_commands += found.registered_commands
            if found.registered_callback is not None:
                made.registered_callback = found.registered_callback
                made.info.no_args_is_help = not found.registered_callback.invoke_without_command
            found = made
        return _make_group(found, name)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name)(found)
    return typer.main.get_command(alone)


def _make_group(group: typer.Typer, name: str) -> Any:
    # Same settings as the main application; otherwise each group would offer shell completion.
    group.rich_markup_mode = None
    command = typer.main.get_group(group)
    command.name = name
    return command


@functools.cache
def _find_groups() -> dict[str, typer.Typer]:
    from consumer_fusion.operations import find_capabilities
    from consumer_fusion.surfaces.cli.operation_commands import build_groups

    return build_groups(find_capabilities().values())


application = typer.Typer(
    name="fusion",
    cls=LazyGroup,
    help="Consumer Fusion: relationship scores of consumers and brands, with explanations.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@application.callback()
def _start() -> None:
    """Consumer Fusion: relationship scores of consumers and brands, with explanations."""


def main() -> None:
    """Run a command. Exit status: 0 success, 1 refused or failed with a message, 2 wrong usage."""
    # Typer would exit with a bare status; users should learn that nothing is lost.
    previous = signal.signal(signal.SIGINT, _stop)
    try:
        application()
    except FusionError as error:
        _print_error(error)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        place = f" at {error.filename}" if error.filename else ""
        failure = StoreError(
            f"The operating system reported an error{place}: {error.strerror or type(error).__name__}.",
            hint="Check permissions and free disk space, then run the same command again.",
        )
        _print_error(failure)
        sys.exit(1)
    finally:
        signal.signal(signal.SIGINT, previous)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    sys.stderr.write("interrupted; accepted rows are kept, and the same import resumes where it stopped\n")
    raise SystemExit(1)


def _print_error(error: FusionError) -> None:
    from consumer_fusion.surfaces.cli.output import print_error

    print_error(error, is_json="--json" in sys.argv)

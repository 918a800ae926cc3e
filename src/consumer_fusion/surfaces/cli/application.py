"""The application: which commands there are, and how an error leaves it."""

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
"""The commands written by hand: in which module of this folder, and under which name where that is another."""


class LazyGroup(TyperGroup):
    """The commands, each imported when it is asked for; those of capabilities are made from their operations."""

    @property
    def commands(self) -> dict[str, Any]:
        """All commands by name; for whoever wants to see all, as the reference does."""
        return {name: self.get_command(None, name) for name in self.list_commands(None)}

    @commands.setter
    def commands(self, given: object) -> None:
        """What Typer registered itself: nothing."""

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
        # What is written by hand stands among the commands of the same group that are made from operations.
        if name in _find_groups():
            made = _find_groups()[name]
            made.registered_commands += found.registered_commands
            made.registered_callback = found.registered_callback or made.registered_callback
            found = made
        return _make_group(found, name)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name)(found)
    return typer.main.get_command(alone)


def _make_group(group: typer.Typer, name: str) -> Any:
    # As the application itself; a command of its own would also offer to complete words in a shell.
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
    help="Consumer Fusion: how consumers and brands stand with each other, and why.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@application.callback()
def _start() -> None:
    """Consumer Fusion: how consumers and brands stand with each other, and why."""


def main() -> None:
    """Run a command: exit status 0 done, 1 refused or failed with a message, 2 wrong usage."""
    # Typer would end with a bare status of its own; people are told that nothing is lost.
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
        told = StoreError(
            f"The system refused to go on{place}: {error.strerror or type(error).__name__}.",
            hint="Check that the place may be written and has room, then run the same command again.",
        )
        _print_error(told)
        sys.exit(1)
    finally:
        signal.signal(signal.SIGINT, previous)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    sys.stderr.write("interrupted; what was accepted is kept, the same import goes on where it stopped\n")
    raise SystemExit(1)


def _print_error(error: FusionError) -> None:
    from consumer_fusion.surfaces.cli.output import print_error

    print_error(error, is_json="--json" in sys.argv)

"""The `fusion` application: its commands, and the handling of errors."""

from __future__ import annotations

import functools
import importlib
import signal
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from consumer_fusion.errors import FusionError, StoreError
from consumer_fusion.storage.pandas_exclusion import leave_out_pandas
from consumer_fusion.surfaces.cli.declared_commands import DeclaredGroup, find_groups, read_docstring

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
    "perceive": "perceive",
    "report": "report",
    "serve": "serve",
    "export": "operation",
    "backup": "backup",
    "restore": "backup",
    "doctor": "operation",
    "version": "version",
}
"""Handwritten commands: module in this folder, and name in it where that differs.

`application` holds the handwritten commands of a group whose operations have commands, too."""


class LazyGroup(TyperGroup):
    """The commands, each imported on use; those of capabilities are generated from their operations."""

    @property
    def commands(self) -> Any:
        """All commands by name, each imported when it is read."""
        return CommandMap()

    @commands.setter
    def commands(self, given: object) -> None:
        """Ignore commands registered by Typer itself; there are none."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name; None where there is none."""
        return _build_command(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands with their first sentences."""
        listed: Any = {name: TyperCommand(name, help=_read_help(name)) for name in self.commands}
        TyperGroup(commands=listed).format_commands(ctx, formatter)


class CommandMap(Mapping[str, Any]):
    """All commands by name, each imported when it is read."""

    def __getitem__(self, name: str) -> Any:
        """The command."""
        if (command := _build_command(name)) is None:
            raise KeyError(name)
        return command

    def __iter__(self) -> Iterator[str]:
        """The names: handwritten commands, then those of capabilities."""
        return iter(dict.fromkeys((*_COMMANDS, *_find_groups())))

    def __len__(self) -> int:
        """Their number."""
        return len(list(iter(self)))


def _read_help(name: str) -> str:
    if name in _find_groups():
        return _find_groups()[name].intro
    module, _, function = _COMMANDS[name].partition(":")
    return read_docstring(module, function or name)


@functools.cache
def _build_command(name: str) -> Any:
    handwritten = _find_handwritten(name) if name in _COMMANDS else None
    if handwritten is not None and not isinstance(handwritten, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name)(handwritten)
        return typer.main.get_command(alone)
    if name not in _find_groups():
        return None
    group = _build_group(_find_groups()[name])
    if handwritten is not None:
        # Handwritten commands join the generated commands of the same group.
        group.registered_commands += handwritten.registered_commands
        if handwritten.registered_callback is not None:
            group.registered_callback = handwritten.registered_callback
            group.info.no_args_is_help = not handwritten.registered_callback.invoke_without_command
    # Same settings as the main application; otherwise each group would offer shell completion.
    group.rich_markup_mode = None
    command = typer.main.get_group(group)
    command.name = name
    return command


def _find_handwritten(name: str) -> Any:
    module, _, attribute = _COMMANDS[name].partition(":")
    return getattr(importlib.import_module(f"consumer_fusion.surfaces.cli.{module}"), attribute or name)


def _build_group(declared: DeclaredGroup) -> typer.Typer:
    from consumer_fusion.operations import find_capability
    from consumer_fusion.surfaces.cli.operation_commands import build_groups

    return build_groups(find_capability(declared.folder))[declared.name]


_find_groups = functools.cache(find_groups)


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
    """Run the command of a process that has no other purpose."""
    leave_out_pandas()
    run_command()


def run_command() -> None:
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

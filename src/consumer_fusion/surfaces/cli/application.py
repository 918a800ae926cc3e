"""The application: which commands there are, and how an error leaves it."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import typer

from consumer_fusion.errors import FusionError, StoreError
from consumer_fusion.operations import find_capabilities
from consumer_fusion.surfaces.cli import (
    actions,
    associations,
    backup,
    calibration,
    comparisons,
    corrections,
    demo,
    effects,
    experiments,
    identity,
    importing,
    keys,
    metrics,
    operation,
    plan,
    rejected,
    report,
    scores,
    serve,
    staff,
)
from consumer_fusion.surfaces.cli.operation_commands import build_groups
from consumer_fusion.surfaces.cli.output import print_error

application = typer.Typer(
    name="fusion",
    help="Consumer Fusion: how consumers and brands stand with each other, and why.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
application.command("demo")(demo.demo)
application.command("init")(operation.init)
application.command("import")(importing.import_)
application.command("score")(scores.score)
application.command("explain")(scores.explain)
application.command("brands")(scores.brands)
application.add_typer(rejected.application, name="rejected")
application.add_typer(corrections.application, name="corrections")
application.add_typer(associations.application, name="associations")
application.add_typer(identity.application, name="identity")
application.add_typer(keys.application, name="keys")
application.add_typer(staff.application, name="staff")
application.command("points")(operation.points)
application.command("calibrate")(calibration.calibrate)
application.command("predict")(calibration.predict)
application.add_typer(actions.application, name="actions")
application.add_typer(metrics.application, name="metrics")
application.command("effect")(effects.effect)
application.add_typer(effects.application, name="effects")
application.command("plan")(plan.plan)
application.command("holdout")(experiments.draw)
application.add_typer(experiments.application, name="experiments")
application.command("audience")(comparisons.audience)
application.command("panel")(comparisons.panel)
application.command("report")(report.report)
application.command("serve")(serve.serve)
application.command("export")(operation.export)
application.command("backup")(backup.backup)
application.command("restore")(backup.restore)
application.command("doctor")(operation.doctor)
application.command("version")(operation.version)

for _name, _group in build_groups(find_capabilities().values()).items():
    application.add_typer(_group, name=_name)


def main() -> None:
    """Run a command: exit status 0 done, 1 refused or failed with a message, 2 wrong usage."""
    # Typer would end with a bare status of its own; people are told that nothing is lost.
    previous = signal.signal(signal.SIGINT, _stop)
    try:
        application()
    except FusionError as error:
        print_error(error, is_json="--json" in sys.argv)
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
        print_error(told, is_json="--json" in sys.argv)
        sys.exit(1)
    finally:
        signal.signal(signal.SIGINT, previous)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    sys.stderr.write("interrupted; what was accepted is kept, the same import goes on where it stopped\n")
    raise SystemExit(1)

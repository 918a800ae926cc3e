"""Writes the lock files from pyproject.toml, with the hash of every file.

Run by `make lock`. Run it on the oldest Python that the project supports, so that what is
needed only there is in the lock too. The lock names packages and hashes, never the place they
are fetched from: that is the choice of the machine that installs.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Held back by hand, with the reason. Delete a line when its reason is gone.
HELD_BACK = {
    "duckdb": "duckdb>=1.5,<1.6  # 2.0 is young; the product supports it, the lock waits for its patches",
}
HEADER = """\
# Made by `make lock` from pyproject.toml: {what}.
# Do not edit by hand.
"""


def read_requirements(extras: list[str], *, core: bool) -> list[str]:
    """The requirements of the chosen extras, with the extras that `all` stands for written out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional: dict[str, list[str]] = project["optional-dependencies"]
    found: list[str] = list(project["dependencies"]) if core else []
    for extra in extras:
        for requirement in optional[extra]:
            own = re.fullmatch(rf"{re.escape(project['name'])}\[(.+)\]", requirement)
            if own:
                found += read_requirements(own.group(1).split(","), core=False)
            else:
                found.append(requirement)
    return found


def write_lock(
    path: Path, requirements: list[str], what: str, *, constraints: Path | None, upgrade: bool
) -> None:
    """Let pip-compile choose the versions; keep the versions already locked unless `upgrade`."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "requirements.in"), Path(folder, "requirements.txt")
        limits = list(HELD_BACK.values())
        if constraints is not None:
            limits += re.findall(r"^([A-Za-z0-9_.\-]+==[^ \\\n]+)", constraints.read_text(), re.MULTILINE)
        Path(folder, "constraints.txt").write_text("\n".join(limits) + "\n")
        source.write_text("\n".join([*requirements, "-c constraints.txt"]) + "\n")
        if path.exists() and not upgrade:
            output.write_text(path.read_text())
        command = [
            sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes", "--allow-unsafe",
            "--strip-extras", "--no-annotate", "--output-file", str(output), str(source),
        ]  # fmt: skip
        if upgrade:
            command.append("--upgrade")
        subprocess.run(command, check=True, cwd=folder, env=os.environ)
        pins_only = "\n".join(
            line for line in output.read_text().splitlines() if line and not line.startswith(("#", "-"))
        )
    if "://" in pins_only or " @ " in pins_only:
        raise SystemExit(f"{path.name}: a requirement names the place it comes from; it must name a version.")
    path.write_text(HEADER.format(what=what) + pins_only + "\n")
    print(f"{path.name}: {len(re.findall('^[a-z0-9].*==', pins_only, re.MULTILINE))} packages")


def main() -> None:
    """Write all lock files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")
    upgrade: bool = parser.parse_args().upgrade
    main_lock, bench_lock = ROOT / "requirements.lock", ROOT / "requirements-bench.lock"
    write_lock(
        main_lock,
        read_requirements(["all", "dev"], core=True),
        "the core, the extras `all` and `dev`",
        constraints=None,
        upgrade=upgrade,
    )
    write_lock(
        bench_lock,
        read_requirements(["bench"], core=False),
        "the extra `bench`; install requirements.lock first",
        constraints=main_lock,
        upgrade=upgrade,
    )
    write_lock(
        ROOT / "requirements-peers.lock",
        read_requirements(["peers"], core=False),
        "the extra `peers`, for an environment of its own",
        constraints=None,
        upgrade=upgrade,
    )


if __name__ == "__main__":
    main()

"""Fetch the JavaScript that the console serves from npm packages at pinned versions, and check what is here.

`python scripts/vendor_static.py` fetches, `python scripts/vendor_static.py check` only compares. Building and running
the product need neither npm nor network: what was fetched is in the repository.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).resolve().parents[1] / "src" / "consumer_fusion" / "surfaces" / "console" / "static"


@dataclass(frozen=True, slots=True)
class Vendored:
    """A file of an npm package.

    Attributes:
        package: The package with its version.
        licence: SPDX name of its licence.
        member: The file within the package.
        name: Its name here.
        sha256: Of the file.
    """

    package: str
    licence: str
    member: str
    name: str
    sha256: str


VENDORED = (
    Vendored(
        package="htmx.org@2.0.10",
        licence="0BSD",
        member="package/dist/htmx.min.js",
        name="htmx-2.0.10.min.js",
        sha256="71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de",
    ),
)


def main(arguments: list[str]) -> int:
    """Fetch or check."""
    if arguments == ["check"]:
        faults = find_faults()
        print("\n".join(faults) or f"{len(VENDORED)} vendored file as pinned")
        return 1 if faults else 0
    for each in VENDORED:
        fetch(each)
    print("\n".join(find_faults()) or "fetched")
    return 0


def find_faults() -> list[str]:
    """Files that are missing, differ, or are not told of in VENDORED.md."""
    told = (STATIC / "VENDORED.md").read_text(encoding="utf-8")
    faults = []
    for each in VENDORED:
        path = STATIC / each.name
        if not path.exists():
            faults.append(f"{each.name} is missing; run scripts/vendor_static.py.")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != each.sha256:
            faults.append(f"{each.name} is not what {each.package} has.")
        if not all(text in told for text in (each.name, each.package, each.licence, each.sha256)):
            faults.append(f"VENDORED.md does not tell of {each.package} with name, licence and SHA-256.")
    return faults


def fetch(each: Vendored) -> None:
    """Fetch one file by npm, and refuse it when it is not the pinned one."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is not installed; it is needed only to fetch vendored files anew.")
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            [npm, "pack", "--silent", each.package], cwd=folder, check=True, capture_output=True, text=True
        )
        archive = Path(folder) / packed.stdout.strip().splitlines()[-1]
        with tarfile.open(archive) as package:
            member = package.extractfile(each.member)
            content = member.read() if member is not None else b""
    if hashlib.sha256(content).hexdigest() != each.sha256:
        sys.exit(f"{each.member} of {each.package} has another SHA-256 than the pinned one.")
    (STATIC / each.name).write_bytes(content)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

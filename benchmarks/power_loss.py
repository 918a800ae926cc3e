"""Power losses at any moment: what was never told to the disk is gone, and still nothing acknowledged is lost.

The processes of `crash.py` work, and are killed, under `strace`, which notes every write, rename and flush. From the
notes the folder is made as a disk may have it after a power loss at a random moment: of a file, what was flushed; of a
folder's entries, what was flushed with the folder; and of what was not flushed either nothing or, at every other loss,
a random part (single writes of a file, the first changes of a folder). Each such folder is opened like any other, and
must hold what had been acknowledged by then, once each, with states that equal a fold of all events from nothing.

    python benchmarks/power_loss.py --losses 60

It needs Linux and strace.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from crash import TOLERANCE, check_events, compare_states

import consumer_fusion as fusion
from consumer_fusion.errors import FusionError

CALLS = (
    "openat", "write", "pwrite64", "ftruncate", "fsync", "fdatasync", "rename", "renameat", "renameat2", "unlink",
    "unlinkat", "mkdir", "mkdirat", "rmdir", "lseek",
)  # fmt: skip
UNKNOWN_CALLS = ("writev", "pwritev", "pwritev2", "sendfile", "copy_file_range", "splice", "link", "linkat")
"""Further ways to write a file; where one is used on the workspace, the notes are not enough."""
_LINE = re.compile(r"^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FILE = re.compile(r"(\d+)<((?:\\x[0-9a-f]{2})+|[^>]*)>")


class Step(NamedTuple):
    """One thing that happened to the disk: a name of `CALLS`, a place, bytes, and a number or another place."""

    what: str
    place: str
    content: bytes = b""
    at: int = 0
    to: str = ""


@dataclass(slots=True)
class Inode:
    """A file, as programs see it and as the disk has it.

    Attributes:
        live: Its content.
        durable: Its content when it was last flushed.
        pending: What was done to it since.
    """

    live: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Step] = field(default_factory=list)

    def flush(self) -> None:
        for step in self.pending:
            apply_to(self.durable, step)
        self.pending.clear()

    def survive(self, chance: random.Random | None) -> bytes:
        """Its content after a power loss; of what was not flushed a random part, or nothing."""
        content = bytearray(self.durable)
        for step in self.pending if chance else ():
            if chance and chance.random() < 0.5:
                apply_to(content, step)
        return bytes(content)


def apply_to(content: bytearray, step: Step) -> None:
    """Do to a content what a step does."""
    if step.what == "ftruncate":
        del content[step.at :]
        content.extend(bytes(step.at - len(content)))
    else:
        content.extend(bytes(max(0, step.at - len(content))))
        content[step.at : step.at + len(step.content)] = step.content


class Disk:
    """The folder of a run, step by step.

    Attributes:
        live: The files and folders (None) that programs see, by place.
        durable: Those that the disk has.
        pending: What was done to the entries of a folder since it was flushed: place, and what it is now.
    """

    def __init__(self) -> None:
        self.live: dict[str, Inode | None] = {}
        self.durable: dict[str, Inode | None] = {}
        self.pending: dict[str, list[tuple[str, Inode | None, bool]]] = defaultdict(list)

    def do(self, step: Step) -> None:
        """Let one step happen."""
        inode = self.live.get(step.place)
        if step.what == "openat":
            if inode is None:
                self._enter(step.place, Inode())
        elif step.what in ("pwrite64", "ftruncate"):
            if inode is not None:
                apply_to(inode.live, step)
                inode.pending.append(step)
        elif step.what == "fsync":
            if inode is not None:
                inode.flush()
            for place, entry, is_there in self.pending.pop(step.place, ()):
                _note_entry(self.durable, place, entry, is_there=is_there)
        elif step.what == "mkdir":
            self._enter(step.place, None)
        elif step.what == "unlink":
            self.live.pop(step.place, None)
            self._note(step.place, None, is_there=False)
        elif step.what == "rename":
            inside = [place for place in self.live if place.startswith(f"{step.place}/")]
            for place in [step.place, *inside]:
                if place in self.live:
                    entry = self.live.pop(place)
                    self._note(place, None, is_there=False)
                    self._enter(step.to + place.removeprefix(step.place), entry)

    def _enter(self, place: str, entry: Inode | None) -> None:
        self.live[place] = entry
        self._note(place, entry, is_there=True)

    def _note(self, place: str, entry: Inode | None, *, is_there: bool) -> None:
        self.pending[os.path.dirname(place)].append((place, entry, is_there))

    def lose_power(self, chance: random.Random | None) -> dict[str, bytes | None]:
        """What the disk has: contents of files by place, None for folders."""
        entries = dict(self.durable)
        for changes in self.pending.values():
            for place, entry, is_there in changes[: chance.randrange(len(changes) + 1) if chance else 0]:
                _note_entry(entries, place, entry, is_there=is_there)
        return {place: None if entry is None else entry.survive(chance) for place, entry in entries.items()}


def _note_entry(entries: dict[str, Inode | None], place: str, entry: Inode | None, *, is_there: bool) -> None:
    if is_there:
        entries[place] = entry
    else:
        entries.pop(place, None)


# --- the notes --------------------------------------------------------------------------------


def read_steps(notes: Path, folder: Path) -> Iterator[Step]:
    """The steps that strace noted, as far as they are in the folder, in their order.

    Raises:
        RuntimeError: A file of the folder was written in a way that is not understood.
    """
    begun: dict[str, str] = {}
    positions: dict[tuple[str, str], int] = {}
    root = f"{folder}/"
    with notes.open(encoding="latin-1") as lines:
        for line in lines:
            met = _LINE.match(line)
            if met is None:
                continue
            process, resumed, name, rest = met.groups()
            if resumed:
                rest, name = begun.pop(process, "") + rest, resumed
            elif rest.endswith("<unfinished ...>"):
                begun[process] = rest.removesuffix("<unfinished ...>")
                continue
            told, _, result = rest.rpartition(" = ")
            if result.startswith(("-1", "?")):
                continue
            yield from _read_call(name, told, result, root, positions)


def _read_call(
    name: str, told: str, result: str, root: str, positions: dict[tuple[str, str], int]
) -> Iterator[Step]:
    files = [(number, _decode(place).decode()) for number, place in _FILE.findall(told)]
    texts = [_decode(text) for text in _TEXT.findall(told)]
    if name == "openat":
        number, place = next(((n, _decode(p).decode()) for n, p in _FILE.findall(result)), ("", ""))
        if place.startswith(root) and "O_DIRECTORY" not in told:
            positions[number, place] = 0 if "O_APPEND" not in told else -1
            if "O_CREAT" in told:
                yield Step("openat", place)
            if "O_TRUNC" in told:
                yield Step("ftruncate", place)
        return
    if name in ("mkdir", "mkdirat", "rmdir", "unlink", "unlinkat"):
        place = texts[-1].decode()
        if f"{place}/".startswith(root):
            yield Step("mkdir" if name.startswith("mkdir") else "unlink", place)
        return
    if name.startswith("rename"):
        source, target = (text.decode() for text in texts)
        if source.startswith(root):
            yield Step("rename", source, to=target)
        return
    if not files or not files[0][1].startswith(root):
        return
    number, place = files[0]
    if name in UNKNOWN_CALLS:
        raise RuntimeError(f"{place} was written by {name}, which is not understood here.")
    numbers = re.findall(r", (\d+)", told.rpartition('"')[2])
    if name == "pwrite64":
        yield Step("pwrite64", place, texts[0][: int(result)], int(numbers[-1]))
    elif name == "write":
        at = positions.get((number, place), 0)
        yield Step("append" if at < 0 else "pwrite64", place, texts[0][: int(result)], max(at, 0))
        positions[number, place] = -1 if at < 0 else at + int(result)
    elif name == "lseek":
        if positions.get((number, place), 0) >= 0:
            positions[number, place] = int(result.split()[0])
    elif name == "ftruncate":
        yield Step("ftruncate", place, at=int(numbers[-1]))
    elif name in ("fsync", "fdatasync"):
        yield Step("fsync", place)


def _decode(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode("latin-1")


# --- the losses -------------------------------------------------------------------------------


def write_folder(contents: dict[str, bytes | None], root: Path, target: Path) -> None:
    """Make the workspace as the disk has it: what lies in a folder that is lost is lost as well."""
    target.mkdir()
    for place, content in sorted(contents.items()):
        inner = Path(place).relative_to(root) if Path(place).is_relative_to(root) else None
        if inner is None or inner == Path() or not (target / inner).parent.is_dir():
            continue
        if content is None:
            (target / inner).mkdir()
        elif not place.endswith("-shm"):
            # The index of a log is no file to SQLite but memory that processes share: it is made anew.
            (target / inner).write_bytes(content)


def read_acknowledged(disk: Disk) -> set[tuple[str, str]]:
    """What the writers had been told by then, as they saw it."""
    return {
        (Path(place).stem, event_id)
        for place, inode in disk.live.items()
        if place.endswith(".acknowledged") and inode is not None
        for line in bytes(inode.live).splitlines(keepends=True)
        if line.endswith(b"\n")
        for event_id in json.loads(line)
    }


def examine(folder: Path, acknowledged: set[tuple[str, str]]) -> dict[str, object]:
    """Open what is left, and count; a workspace that cannot be opened has lost everything."""
    try:
        with fusion.open_workspace(folder) as workspace:
            found = check_events(workspace, acknowledged) | compare_states(workspace)
    except FusionError as error:
        sys.stderr.write(f"\n{error}\n")
        lost = {"stored_in_segments": 0, "lost": len(acknowledged), "doubled": 0}
        return {
            "acknowledged": len(acknowledged),
            **lost,
            "state_rows_different": 0,
            "largest_difference": 0.0,
        }
    return {
        "acknowledged": len(acknowledged),
        **{name: found[name] for name in ("stored_in_segments", "lost", "doubled", "state_rows_different")},
        "largest_difference": found["largest_difference"],
    }


def measure(folder: Path, *, losses: int, kills: int, seed: int) -> dict[str, object]:
    """Run it all and say what was found."""
    work, notes = folder / "work", folder / "notes"
    work.mkdir()
    program = Path(__file__).with_name("crash.py")
    subprocess.run(
        ["strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "16000000",
         "-e", f"trace={','.join((*CALLS, *UNKNOWN_CALLS))}", "-o", str(notes),
         sys.executable, str(program), "--kills", str(kills), "--writers", "2", "--pause", "1", "3",
         "--seed", str(seed), "--keep", str(work / "run")],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    chance = random.Random(seed)
    steps: list[int] = []
    for index, step in enumerate(read_steps(notes, work)):
        # Before something was acknowledged there is nothing to lose.
        if steps or (step.place.endswith(".acknowledged") and step.content):
            steps.append(index)
    if len(steps) < losses:
        sys.exit(
            f"Only {len(steps)} steps came after an acknowledgement: ask for more --kills, so that it runs longer."
        )
    moments = sorted(chance.sample(steps, losses))
    disk, found = Disk(), []
    wanted = iter(moments)
    moment = next(wanted)
    for index, step in enumerate(read_steps(notes, work)):
        if step.what == "append":
            inode = disk.live.get(step.place)
            step = step._replace(what="pwrite64", at=len(inode.live) if inode else 0)
        disk.do(step)
        if index == moment:
            target = folder / f"left-{index}"
            contents = disk.lose_power(chance if len(found) % 2 else None)
            write_folder(contents, work / "run" / "workspace", target)
            found.append({"step": index, **examine(target, read_acknowledged(disk))})
            shutil.rmtree(target)
            sys.stderr.write(f"\r{len(found)} of {losses} power losses")
            moment = next(wanted, -1)
    sys.stderr.write("\n")
    largest = max(float(str(each["largest_difference"])) for each in found)
    figures: dict[str, object] = {
        "steps": len(steps),
        "power_losses": len(found),
        "acknowledged_before_the_last": max(int(str(each["acknowledged"])) for each in found),
        "losses_with_sealed_events": sum(each["stored_in_segments"] != 0 for each in found),
        **{
            name: sum(int(str(each[name])) for each in found)
            for name in ("lost", "doubled", "state_rows_different")
        },
        "largest_difference": largest,
    }
    figures["violations"] = [
        f"{name}: {figures[name]}" for name in ("lost", "doubled", "state_rows_different") if figures[name]
    ] + [f"largest_difference: {largest}"] * (largest > TOLERANCE)
    if not figures["acknowledged_before_the_last"]:
        figures["violations"] = ["nothing was acknowledged, so that nothing was tested"]
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--losses", type=int, default=60)
    parser.add_argument("--kills", type=int, default=20, help="of processes, while they are watched")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if shutil.which("strace") is None:
        sys.exit("strace is not installed; on Debian: apt install strace")
    with TemporaryDirectory(prefix="power-loss-") as temporary:
        figures = measure(Path(temporary).resolve(), losses=given.losses, kills=given.kills, seed=given.seed)
    if given.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name.replace('_', ' '):<28} {value}")
    sys.exit(bool(figures["violations"]))


if __name__ == "__main__":
    main()

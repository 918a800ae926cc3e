"""Lines of text files: read block by block into Arrow, whatever their size, encoding or compression.

The meaning of the lines is not known here; an unreadable line is passed on with the reason.
"""

from __future__ import annotations

import codecs
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.errors import InputError, MappingError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.i18n.translation import N_

BLOCK_BYTES = 2 << 20
LINE_BYTES_LIMIT = 16 << 20
_RAW_KEPT = 10_000
_GZIP_MAGIC = b"\x1f\x8b"
_ARRAY = re.compile(r"\s*(?:[\w.$]+\s*=\s*)?\[(?=\s*(?:[{\]]|$))")
_JSON = json.JSONDecoder()
_MARKING = "consumer_fusion.mark_undecodable"
_MARK = 0xDC00
_MARKED = re.compile(rb"\xed[\xb0-\xb3][\x80-\xbf]")
"""A byte in the form of `_mark_undecodable`, encoded as if it were UTF-8."""
_UNENDED = "["
"""Stands for the row that an unterminated array may have had."""


@dataclass(frozen=True, slots=True)
class MalformedLine:
    """A line that is no row.

    Attributes:
        index: Position among the lines of its block, from 0.
        code: Stable code of the reason.
        detail: Found and expected form, without the content.
        raw: Original line, as far as it can be displayed.
    """

    index: int
    code: str
    detail: str
    raw: str


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Some lines of a file, in order, without line breaks and without blank lines.

    Attributes:
        lines: Text of each line; empty for malformed lines.
        broken: Lines that could not be read.
        fraction: Share of the file that has been read, 0 to 1.
    """

    lines: pa.Array
    broken: tuple[MalformedLine, ...]
    fraction: float


def read_lines(path: Path, encoding: str = "utf-8") -> Iterator[LineBlock]:
    """Read a text file, compressed with gzip or not, block by block.

    Raises:
        InputError: The file cannot be opened or its compression is damaged.
        MappingError: The encoding is unknown.
    """
    decoder = _find_decoder(encoding)
    try:
        with path.open("rb") as file:
            size = max(path.stat().st_size, 1)
            is_gzip = file.read(2) == _GZIP_MAGIC
            file.seek(0)
            stream: IO[bytes] = gzip.GzipFile(fileobj=file) if is_gzip else file  # type: ignore[assignment]
            for block, is_overlong in _cut_blocks(stream, decoder):
                yield _split_block(block, is_overlong, encoding, min(1.0, file.tell() / size))
    except (OSError, EOFError) as error:
        raise InputError(
            f"The file {path.name} could not be read to its end: {type(error).__name__}.",
            hint="Check that it exists, is readable and complete, then import it again.",
            where=str(path),
        ) from error
    except UnicodeError as error:
        raise InputError(
            f"The file {path.name} is not in the encoding '{encoding}': {error}.",
            hint="Name another `encoding` in the mapping; utf-16-le or utf-16-be where it has no byte order mark.",
            where=str(path),
        ) from error


def split_lines(content: bytes) -> Iterator[LineBlock]:
    """The lines of UTF-8 text in memory, in the form of those of a file."""
    for block, is_overlong in _cut_blocks(BytesIO(content), None):
        yield _split_block(block, is_overlong, "utf-8", 1.0)


def read_objects(path: Path, encoding: str = "utf-8") -> Iterator[LineBlock]:
    """Read a file of JSON objects: one per line, or all of them in one array, which may follow a name and `=`.

    Raises:
        InputError: The file cannot be opened or its compression is damaged.
        MappingError: The encoding is unknown.
    """
    blocks = read_lines(path, encoding)
    first = next((block for block in blocks if len(block.lines)), None)
    if first is None:
        return
    if (opening := _ARRAY.match(first.lines[0].as_py())) is None:
        yield first
        yield from blocks
        return
    yield from _cut_array(chain([first], blocks), opening.end())


def _cut_array(blocks: Iterator[LineBlock], start: int) -> Iterator[LineBlock]:
    """The members of an array as lines, then the lines that follow it.

    Where the array is broken, the start of its next member is unknown: if most of the remaining lines contain one each,
    every line is a row of its own, otherwise the rest is one row. A missing end of the array is reported as a row.
    """
    text = ""
    count = 0
    for block in blocks:
        text += "\n".join([*_list_lines(block), ""])
        members, text, is_ended = _take_members(text, start)
        start = 0
        if is_ended:
            members += [line for line in text.splitlines() if line.strip(" \t;")]
        count += len(members)
        yield LineBlock(pa.array(members, pa.string()), (), block.fraction)
        if is_ended:
            yield from blocks
            return
        if len(text) > LINE_BYTES_LIMIT:
            break
    left, is_ended = _unwrap_members(text.splitlines())
    if left and sum(map(_is_object, left)) * 2 < len(left):
        detail = N_(
            "is where the array of JSON objects breaks off. Correct the file there and import it again"
        )
        yield _tell_broken(detail, text)
        yield from blocks
        return
    yield LineBlock(pa.array(left, pa.string()), (), 1.0)
    count += len(left)
    for block in blocks:
        rows, has_end = _unwrap_members(_list_lines(block))
        is_ended = is_ended or has_end
        count += len(rows)
        yield LineBlock(pa.array(rows, pa.string()), (), block.fraction)
    if not is_ended:
        detail = Message(
            "is missing: the array has no end, so the file may have been truncated. Rows before it: "
            "{count}. Import the complete file",
            count=count,
        )
        yield _tell_broken(detail, _UNENDED)


def _list_lines(block: LineBlock) -> list[str]:
    """The lines; unreadable ones in their displayed form, which is no JSON, so that they are reported."""
    lines: list[str] = block.lines.to_pylist()
    for each in block.broken:
        lines[each.index] = each.raw
    return lines


def _tell_broken(detail: str, raw: str) -> LineBlock:
    return LineBlock(pa.array([""]), (MalformedLine(0, "broken_line", detail, raw[:_RAW_KEPT]),), 1.0)


def _unwrap_members(lines: list[str]) -> tuple[list[str], bool]:
    """Lines of an array without its commas and closing bracket, and whether the bracket is among them."""
    rows: list[str] = []
    is_ended = False
    for line in lines:
        member = line.strip(" \t,;")
        if member.endswith("]") and (member == "]" or _is_object(member[:-1])):
            is_ended = True
            member = member[:-1].rstrip(" \t,")
        if member:
            rows.append(member if _is_object(member) else line)
    return rows, is_ended


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _take_members(text: str, start: int) -> tuple[list[str], str, bool]:
    """The complete members of an array at the start of a text, the rest, and whether the array has ended."""
    members: list[str] = []
    place = start
    while True:
        while place < len(text) and text[place] in " \t\n,":
            place += 1
        if place < len(text) and text[place] == "]":
            return members, text[place + 1 :], True
        try:
            _, end = _JSON.raw_decode(text, place)
        except (json.JSONDecodeError, RecursionError):
            return members, text[place:], False
        # Line breaks in a member are only layout: JSON has none within texts.
        members.append(text[place:end].replace("\n", " "))
        place = end


def _find_decoder(encoding: str) -> codecs.IncrementalDecoder | None:
    try:
        found = codecs.lookup(encoding)
    except (LookupError, ValueError):
        found = None
    # Python also lists compressions as encodings, of bytes to bytes.
    if found is None or not found._is_text_encoding or found.incrementaldecoder is None:
        raise MappingError(
            f"The `encoding` '{encoding}' under [source] is unknown.",
            hint="Write for example utf-8, latin-1, cp1252 or utf-16.",
        )
    if found.name in ("utf-8", "utf-8-sig"):
        return None
    return found.incrementaldecoder(errors=_MARKING)


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    """Each undecodable byte as a lone surrogate, which is not valid in UTF-8 either.

    A replacement character would be text, and would make one key of two that differ in such bytes.
    """
    assert isinstance(error, UnicodeDecodeError)
    marks = "".join(chr(_MARK + byte) for byte in error.object[error.start : error.end])
    return marks, error.end


codecs.register_error(_MARKING, _mark_undecodable)


def _cut_blocks(stream: IO[bytes], decoder: codecs.IncrementalDecoder | None) -> Iterator[tuple[bytes, bool]]:
    """Blocks of complete lines, each ending in a line break; True marks a block that is one line too long to keep."""
    carry = b""
    is_first = True
    has_returns = False
    is_skipping = False
    while True:
        chunk = stream.read(BLOCK_BYTES)
        is_last = not chunk
        if decoder is not None:
            chunk = decoder.decode(chunk, final=is_last).encode("utf-8", "surrogatepass")
        if is_first:
            chunk = chunk.removeprefix(codecs.BOM_UTF8)
            has_returns = b"\r" in chunk and b"\n" not in chunk
            is_first = False
        if has_returns:  # line breaks of old Macintoshes, which spreadsheets still offer
            chunk = chunk.replace(b"\r", b"\n")
        if is_skipping and chunk:
            end = chunk.find(b"\n")
            if end < 0:
                continue
            chunk = chunk[end + 1 :]
            is_skipping = False
        data = carry + chunk
        cut = len(data) if is_last else data.rfind(b"\n") + 1
        if cut:
            yield (data[:cut] if data[:cut].endswith(b"\n") else data[:cut] + b"\n"), False
        carry = data[cut:]
        if len(carry) > LINE_BYTES_LIMIT:
            yield carry[:_RAW_KEPT] + b"\n", True
            carry = b""
            is_skipping = True
        if is_last:
            return


def _split_block(block: bytes, is_overlong: bool, encoding: str, fraction: float) -> LineBlock:
    if is_overlong:
        raw = block.decode("utf-8", errors="replace").strip("\r\n")
        detail = Message(
            "is longer than {LINE_BYTES_LIMIT} MiB; only its beginning is kept",
            LINE_BYTES_LIMIT=LINE_BYTES_LIMIT >> 20,
        )
        return LineBlock(pa.array([""]), (MalformedLine(0, "too_long", detail, raw),), fraction)
    ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n"))
    offsets = np.concatenate(([0], ends + 1)).astype(np.int32)
    raw_lines = pa.BinaryArray.from_buffers(
        pa.binary(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(block)]
    )
    try:
        texts, undecodable = raw_lines.cast(pa.string()), None
    except pa.ArrowInvalid:
        texts, undecodable = _decode_each(raw_lines)
    texts = pc.utf8_rtrim(texts, characters="\r\n")
    is_kept = pc.not_equal(pc.binary_length(pc.utf8_trim_whitespace(texts)), 0)
    if undecodable:
        is_kept = pc.or_(is_kept, pa.array([index in undecodable for index in range(len(texts))]))
    kept = texts.filter(is_kept)
    broken: tuple[MalformedLine, ...] = ()
    if undecodable:
        places = np.cumsum(is_kept.to_numpy(zero_copy_only=False)) - 1
        broken = tuple(
            MalformedLine(
                int(places[index]),
                "invalid_encoding",
                f"is not valid {encoding.upper()} text",
                raw.strip("\r\n"),
            )
            for index, raw in undecodable.items()
        )
    return LineBlock(kept, broken, fraction)


def _decode_each(raw_lines: pa.BinaryArray) -> tuple[pa.Array, dict[int, str]]:
    texts: list[str] = []
    undecodable: dict[int, str] = {}
    for index, line in enumerate(raw_lines.to_pylist()):
        try:
            texts.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            texts.append("")
            shown = _MARKED.sub(_show_byte, line)
            undecodable[index] = shown.decode("utf-8", errors="backslashreplace")
    return pa.array(texts, pa.string()), undecodable


def _show_byte(marked: re.Match[bytes]) -> bytes:
    return b"\\x%02x" % (ord(marked[0].decode("utf-8", "surrogatepass")) - _MARK)

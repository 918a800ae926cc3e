"""The SQL files of the score, read as texts that every engine understands in the same way."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from string import Template

_CONSTANT = re.compile(r"(?<![\w.])\d+(?:\.\d+)?e[+-]?\d+")


@cache
def read_query(folder: str, name: str) -> Template:
    """The text of a query file, with the places that its caller fills in.

    Args:
        folder: Folder of `score` in whose folder `sql` it is, `fold` or `model`.
        name: Name of the file, without its ending.
    """
    file = files("consumer_fusion.score") / folder / "sql" / f"{name}.sql"
    return Template(write_doubles(file.read_text(encoding="utf-8")))


def write_doubles(text: str) -> str:
    """A text whose constants in exponent form are doubles.

    PostgreSQL reads `1e0` as a decimal, whose logarithm is slow. It knows the word `double` once a domain of this name
    is created (`create domain double as double precision`); all other engines know it from the start.
    """
    return _CONSTANT.sub(r"cast(\g<0> as double)", text)


def write_number(value: float) -> str:
    """A number as a constant that is a double on every engine."""
    text = repr(float(value))
    return write_doubles(text if "e" in text else f"{text}e0")

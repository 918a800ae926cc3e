"""Characters that XML or a terminal cannot bear, and charts that hold them wherever a chart holds text."""

from __future__ import annotations

UNSAFE = "".join(
    map(
        chr,
        (
            *range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xD800, 0xDBFF, 0xDC00,
            0xDFFF, 0xFDD0, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF,
        ),
    )
)  # fmt: skip
"""Every character that XML or a terminal cannot bear, and some of each range of those that are none."""


class Poisoned:
    """A chart with unsafe characters in every text of its data, in its titles and in a name of a column."""

    def __init__(self, chart):
        self.description = chart.description
        self._specification = chart.to_dict(validate=False)

    def to_dict(self, **_):
        return self._poison(self._specification, is_data=False)

    def _poison(self, value, *, is_data):
        if isinstance(value, dict):
            poisoned = {
                name: UNSAFE + each
                if name in ("title", "description", "text") and isinstance(each, str)
                else self._poison(each, is_data=is_data or name in ("datasets", "values", "domain"))
                for name, each in value.items()
            }
            return {**poisoned, UNSAFE: UNSAFE} if is_data else poisoned
        if isinstance(value, list):
            return [self._poison(each, is_data=is_data) for each in value]
        return f"{value}{UNSAFE}" if is_data and isinstance(value, str) else value

"""Renders a chart to SVG text for a page: offline, accessible, with its tooltips."""

from __future__ import annotations

import atexit
import hashlib
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from consumer_fusion.errors import DrawingError
from consumer_fusion.i18n.translation import read_language
from consumer_fusion.records.characters import replace_unsafe
from consumer_fusion.views.charts.drawing_process import DrawingProcess

if TYPE_CHECKING:
    from consumer_fusion.views.charts.frame import AnyChart

_SVG = "http://www.w3.org/2000/svg"
_SHAPES = (f"{{{_SVG}}}path", f"{{{_SVG}}}line", f"{{{_SVG}}}rect")
_LOCALES: Mapping[str, str] = {"it": "it-IT"}
_ARIA = ("aria-label", "aria-roledescription", "role", "aria-hidden")
_drawing_process = DrawingProcess()
atexit.register(_drawing_process.close)


def render_svg(chart: AnyChart, *, label: str = "") -> str:
    """Draw a chart as an SVG element.

    Vega marks every shape for assistive technology, hundreds of them; in a static picture that only repeats the table
    view. So the whole is one image with the chart's description, and the tooltip of each shape becomes its `<title>`,
    which browsers show on hover without any JavaScript.

    Args:
        chart: From this package; with the palette `THEMED` the page's CSS colours it.
        label: Accessible label in place of the chart's description, for a page that has that as visible text.

    Raises:
        DrawingError: It could not be drawn; the caller then shows its numbers alone.
    """
    ElementTree.register_namespace("", _SVG)
    # The tests validate the charts against Vega-Lite's schema; validating each again takes half of the time.
    # Events of older releases may have characters that SVG does not allow; they are replaced everywhere.
    specification = _clean(chart.to_dict(validate=False))
    text = _drawing_process.draw(specification, _LOCALES.get(read_language().code, "en-US"))
    try:
        # The text is Vega's own output, in which all values are escaped.
        root = ElementTree.fromstring(text)  # noqa: S314
    except ElementTree.ParseError as error:
        raise DrawingError("The figure is not valid SVG.", hint="Its numbers are available.") from error
    # Several charts share a page: ids of clip paths are suffixed with the chart's own digest.
    digest = hashlib.sha256(json.dumps(specification).encode()).hexdigest()[:8]
    for element in root.iter():
        tip = element.get("aria-label")
        if tip and element.get("role") == "graphics-symbol" and element.tag in _SHAPES:
            title = ElementTree.Element(f"{{{_SVG}}}title")
            title.text = tip
            element.insert(0, title)
        for name in _ARIA:
            element.attrib.pop(name, None)
        for name, value in element.attrib.items():
            if name == "id":
                element.set(name, f"{value}-{digest}")
            elif value.startswith("url(#"):
                element.set(name, f"{value[:-1]}-{digest})")
    root.set("role", "img")
    root.set("aria-label", replace_unsafe(label) or str(specification.get("description", "")))
    root.set("class", "chart")
    return ElementTree.tostring(root, encoding="unicode")


def _clean(value: Any) -> Any:
    """The specification without characters that XML does not allow: in names, values, titles and tooltips."""
    if isinstance(value, str):
        return replace_unsafe(value)
    if isinstance(value, dict):
        return {_clean(name): _clean(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    return value

"""Forms generated from the parameters of operations: the input of each field, and the submitted values."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, Union

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from consumer_fusion.i18n.translation import _
from consumer_fusion.surfaces.console.brand_choices import BrandChoices, offer_brands, read_brands
from consumer_fusion.surfaces.console.pages import PageRequest
from consumer_fusion.surfaces.operation_fields import is_day, is_file, is_moment, read_extra, read_text_file

InputKind = Literal[
    "text", "secret", "number", "moment", "day", "choice", "choices", "flag", "brand", "brands", "file"
]


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form.

    Attributes:
        name: Its name.
        label: Label.
        hint: Explanation.
        kind: Input type.
        value: Initial value.
        choices: Options, each with its label and meaning.
        is_required: Whether it must be filled in.
        brands: Brand options, for the kinds brand and brands.
    """

    name: str
    label: str
    hint: str
    kind: InputKind
    value: str = ""
    choices: Sequence[tuple[str, str, str]] = ()
    is_required: bool = False
    brands: BrandChoices | None = None

    @property
    def is_block(self) -> bool:
        """Whether it takes the full width, below the fields arranged side by side."""
        has_hints = any(hint for _unused, _unused, hint in self.choices)
        return self.kind in ("brands", "choices", "flag") or (self.kind == "choice" and has_hints)


def make_input(page_request: PageRequest, name: str, declared: FieldInfo) -> FormField:
    """The input of a parameter."""
    default = None if declared.is_required() else declared.get_default(call_default_factory=True)
    extra = read_extra(declared)
    kind = _choose_kind(name, declared)
    words = extra.get("words") or {each: each for each in _list_literals(declared.annotation)}
    hints = extra.get("hints", {})
    is_brand = kind in ("brand", "brands")
    return FormField(
        name=name,
        label=_(declared.title or name),
        hint=_(declared.description or ""),
        kind=kind,
        value="" if default is None or kind == "brands" else str(default).removesuffix(".0"),
        choices=[
            (str(value), _(label), _(hints[value]) if value in hints else "")
            for value, label in words.items()
        ],
        is_required=declared.is_required(),
        brands=offer_brands(page_request.list_brands(), None) if is_brand else None,
    )


def _choose_kind(name: str, declared: FieldInfo) -> InputKind:
    annotation = declared.annotation
    parts = {annotation, *typing.get_args(annotation)}
    if read_extra(declared).get("is_secret"):
        return "secret"
    if name in ("brand", "brands"):
        return typing.cast("InputKind", name)
    if is_file(declared):
        return "file"
    if is_moment(declared):
        return "moment"
    if is_day(declared):
        return "day"
    if bool in parts:
        return "flag"
    if _list_literals(annotation):
        is_many = any(typing.get_origin(each) in (list, tuple, frozenset) for each in parts)
        return "choices" if is_many else "choice"
    return "number" if {int, float} & parts else "text"


def _list_literals(annotation: Any) -> tuple[str, ...]:
    """The values of a literal type, also within a list or a union with None."""
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return typing.get_args(annotation)
    if origin in (list, tuple, frozenset, Union, UnionType):
        return next(filter(None, map(_list_literals, typing.get_args(annotation))), ())
    return ()


def read_values(page_request: PageRequest, model: type[BaseModel]) -> dict[str, object]:
    """The submitted values; an empty field is left out and gets its default."""
    values: dict[str, object] = {}
    for name, declared in model.model_fields.items():
        kind = _choose_kind(name, declared)
        text = page_request.read_optional(name)
        if kind == "brands":
            values[name] = read_brands(page_request)
        elif kind == "flag":
            # One that may be unknown is a choice of yes, no and nothing.
            if text or type(None) not in typing.get_args(declared.annotation):
                values[name] = text == "yes"
        elif kind == "file":
            if name in page_request.sent.uploads:
                sent = page_request.sent.uploads[name]
                values[name] = read_text_file(sent.name, sent.content)
        elif typing.get_origin(declared.annotation) in (list, tuple, frozenset):
            values[name] = page_request.read_choices(name)
        elif kind == "number" and text:
            values[name] = page_request.read_number(name, 0.0)
        elif text:
            values[name] = text
    return values

"""Submitted forms: their fields, and an uploaded file where the page accepts one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from starlette.datastructures import UploadFile
from starlette.requests import Request

from consumer_fusion.records.schema import MOST_FILE_BYTES

MOST_FORM_BYTES = 2_000_000
MOST_UPLOAD_BYTES = MOST_FILE_BYTES + MOST_FORM_BYTES


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file.

    Attributes:
        name: File name.
        content: Content.
    """

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """A submitted form.

    Attributes:
        fields: Values of each field.
        uploads: Uploaded file of each file field.
    """

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    uploads: Mapping[str, Upload] = field(default_factory=dict)


async def read_form(request: Request, *, takes_file: bool = False) -> SubmittedForm | None:
    """The form of a request; None when it is larger than any form of the console.

    Args:
        request: Request.
        takes_file: Whether it may include a file.
    """
    most = MOST_UPLOAD_BYTES if takes_file else MOST_FORM_BYTES
    if int(request.headers.get("content-length") or most + 1) > most:
        return None
    fields: dict[str, list[str]] = {}
    uploads: dict[str, Upload] = {}
    async with request.form(max_files=1 if takes_file else 0, max_fields=600) as form:
        for name, value in form.multi_items():
            if not isinstance(value, UploadFile):
                fields.setdefault(name, []).append(value)
            elif value.filename:
                uploads[name] = Upload(value.filename, await value.read())
    return SubmittedForm(fields, uploads)

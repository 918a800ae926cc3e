"""What a browser sends with a form: its fields, and files where the page takes some."""

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
    """A file that somebody chose.

    Attributes:
        name: As it is called there.
        content: What is in it.
    """

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """A form that was filled in.

    Attributes:
        fields: The values of each field.
        uploads: The file of each field that takes one, where one was chosen.
    """

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    uploads: Mapping[str, Upload] = field(default_factory=dict)


async def read_form(request: Request, *, takes_file: bool = False) -> SubmittedForm | None:
    """The form of a request; None when it is larger than any of ours.

    Args:
        request: The request.
        takes_file: Whether a file may come with it.
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

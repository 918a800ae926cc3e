"""People: records with names, dates and addresses from files, in columns that can be compared."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from consumer_fusion.errors import InputError
from consumer_fusion.i18n.messages import Message

_COLUMN_SYNONYMS = {
    "unique_id": ("unique_id", "consumer", "consumer_key", "id"),
    "first_name": ("first_name", "firstname", "forename", "given_name"),
    "surname": ("surname", "last_name", "lastname", "family_name"),
    "dob": ("dob", "date_of_birth", "birth_date", "birthday"),
    "city": ("city", "town"),
    "postcode": ("postcode", "postal_code", "zip", "zip_code"),
    "email": ("email", "e_mail", "mail", "email_address"),
    "phone": ("phone", "phone_number", "telephone", "mobile"),
}


def read_people(path: Path) -> pa.Table:
    """Read records of people from a CSV file (all columns as text) or a Parquet file.

    Raises:
        InputError: The file does not exist, or it has another format.
    """
    if not path.is_file():
        raise InputError(
            Message("There is no file {path}.", path=path),
            hint="Give a CSV or Parquet file with one person per row.",
        )
    if path.suffix.lower() in (".parquet", ".pq"):
        return pyarrow.parquet.read_table(path)
    try:
        names = pyarrow.csv.open_csv(path).schema.names
        options = pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
        )
        return pyarrow.csv.read_csv(path, convert_options=options)
    except pa.ArrowInvalid as error:
        raise InputError(
            Message("{name} could not be read as CSV.", name=path.name), where=str(path)
        ) from error


def find_columns(people: pa.Table) -> dict[str, str]:
    """The table's column for each of those that are compared.

    Raises:
        InputError: There is no id, ids are missing or duplicated, or fewer than two columns could be compared.
    """
    given = {name.strip().lower().replace(" ", "_").replace("-", "_"): name for name in people.column_names}
    columns = {
        ours: next(given[name] for name in names if name in given)
        for ours, names in _COLUMN_SYNONYMS.items()
        if any(name in given for name in names)
    }
    if "unique_id" not in columns:
        raise InputError(
            "There is no column that identifies a record.",
            hint="Add `unique_id`, or `consumer` with its key.",
        )
    compared = [
        name for name in columns if name not in ("unique_id", "surname" if "first_name" in columns else "")
    ]
    if len(compared) < 2:
        raise InputError(
            Message(
                "Of the columns that can be compared there is only {compared}.",
                compared=", ".join(compared) or "none",
            ),
            hint="Give at least two of name, dob, city, postcode, email and phone.",
        )
    ids = people[columns["unique_id"]]
    if ids.null_count or len(ids.unique()) != len(ids):
        raise InputError(
            Message("The column {unique_id} has missing or duplicate ids.", unique_id=columns["unique_id"]),
            hint="Number the rows.",
        )
    return columns

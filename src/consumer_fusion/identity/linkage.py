"""Record linkage: records that probably belong to one person, suggested for review and never merged automatically.

The model is Fellegi and Sunter's (1969, "A Theory for Record Linkage") as Splink estimates it: how often two records
of one person agree in a column (expectation maximisation), how often two of different people do (all pairs, or a
random sample of them), and from both the probability that two records belong to one person. Needs the extra `identity`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from consumer_fusion.errors import InputError, MissingExtraError, RefusedError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.identity.linkage_comparisons import COMPARISON_PHRASES
from consumer_fusion.identity.people import find_columns

DEFAULT_THRESHOLD = 0.9
"""On the records of the benchmark no pair above it was wrong; see `docs/concepts/identity.md`."""

_CLEANING = {
    "dob": "cast(try_cast({0} as date) as varchar)",
    "phone": "nullif(regexp_replace({0}, '[^0-9]', '', 'g'), '')",
    "postcode": "nullif(regexp_replace(lower({0}), '[^a-z0-9]', '', 'g'), '')",
}
_CLEANING_OF_WORDS = "nullif(trim(strip_accents(lower({0}))), '')"

_SAMPLED_PAIRS = 5_000_000
"""Maximum number of pairs of records to learn the model from."""

_CERTAIN_RECALL = 0.7
"""Assumed share of all pairs of one person that agree in an e-mail, a telephone, or name and birthday."""

SUGGESTIONS = pa.schema(
    [
        ("first", pa.string()),
        ("second", pa.string()),
        ("probability", pa.float64()),
        ("match_weight", pa.float64()),
        ("reasons", pa.list_(pa.string())),
    ]
)
"""Columns of the result of `suggest_merges`: the two ids, the probability that they are one person, the same in bits of
evidence, and the agreements and differences, without any value."""


def suggest_merges(people: pa.Table, *, threshold: float = DEFAULT_THRESHOLD, seed: int = 1) -> pa.Table:
    """Find records that probably belong to one person.

    The model is learnt from the records themselves, without labels. The same records and seed give the same
    suggestions.

    Args:
        people: One record per row: `unique_id` (or `consumer`), and at least two of name (`first_name`, `surname`),
            `dob`, `city`, `postcode`, `email`, `phone`. Values may be missing.
        threshold: Minimum probability of a suggested pair.
        seed: Random seed of the sample of pairs.

    Returns:
        A table of the form of `SUGGESTIONS`, the most probable first.

    Raises:
        InputError: A column is missing, ids are missing or duplicated, or the threshold is not a probability.
        RefusedError: The records agree too little to learn from.
        MissingExtraError: Splink is not installed.
    """
    if not 0 < threshold <= 1:
        raise InputError(
            Message("The threshold {threshold} is not a probability.", threshold=threshold),
            hint="Give one above 0 and up to 1.",
        )
    columns = find_columns(people)
    try:
        import duckdb
        import splink  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "Suggestions need Splink, which is not installed.", hint="pip install 'consumer-fusion[identity]'"
        ) from error
    with duckdb.connect(":memory:") as connection:
        # One thread, for a fixed order of summation, so that the same records give the same numbers.
        connection.execute("set threads = 1")
        connection.execute("set enable_progress_bar = false")
        records = _clean(connection, people, columns)
        pairs = _predict(connection, records, threshold, seed)
    return _write_suggestions(pairs)


def _clean(connection: Any, people: pa.Table, columns: Mapping[str, str]) -> pa.Table:
    cleaned = ["cast(unique_id as varchar) as unique_id"]
    for name in columns:
        if name != "unique_id":
            form = _CLEANING.get(name, _CLEANING_OF_WORDS)
            cleaned.append(f"{form.format(f'cast({name} as varchar)')} as {name}")
    if {"first_name", "surname"} <= set(columns):
        cleaned.append("first_name || ' ' || surname as full_name")
    renamed = people.select(list(columns.values())).rename_columns(list(columns))
    connection.register("given_people", renamed)
    # Every column name in the text is from this module, never from the file.
    text = f"select {', '.join(cleaned)} from given_people order by 1"  # noqa: S608
    records: pa.Table = connection.sql(text).to_arrow_table()
    connection.unregister("given_people")
    return records.select(
        [
            name
            for name in records.column_names
            if name == "unique_id" or records[name].null_count < len(records)
        ]
    )


def _list_comparisons(columns: Sequence[str]) -> list[Any]:
    from splink import comparison_library as library

    comparisons: list[Any] = []
    if "full_name" in columns:
        comparisons.append(
            library.ForenameSurnameComparison(
                "first_name", "surname", forename_surname_concat_col_name="full_name"
            )
        )
    else:
        comparisons += [library.NameComparison(name) for name in ("first_name", "surname") if name in columns]
    if "dob" in columns:
        comparisons.append(library.DateOfBirthComparison("dob", input_is_string=True))
    if "email" in columns:
        comparisons.append(library.EmailComparison("email"))
    if "phone" in columns:
        comparisons.append(library.LevenshteinAtThresholds("phone", 2))
    if "postcode" in columns:
        comparisons.append(library.LevenshteinAtThresholds("postcode", 1))
    if "city" in columns:
        # Agreement in a large city is weaker evidence than in a village.
        comparisons.append(library.ExactMatch("city").configure(term_frequency_adjustments=True))
    return comparisons


def _list_blocks(columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Columns in which two records must agree to be compared; each also serves to learn the other columns."""
    blocks = [
        ("email",),
        ("phone",),
        ("dob",),
        ("first_name", "surname"),
        ("first_name", "city"),
        ("surname", "city"),
        ("first_name", "postcode"),
        ("surname", "postcode"),
    ]
    return [block for block in blocks if set(block) <= set(columns)]


def _predict(connection: Any, records: pa.Table, threshold: float, seed: int) -> list[dict[str, Any]]:
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    from splink.internals.exceptions import SplinkException

    # Its messages are for model builders; relevant problems are raised below.
    logging.getLogger("splink").setLevel(logging.CRITICAL)
    columns = records.column_names
    blocks = _list_blocks(columns)
    rules: list[Any] = [block_on(*block) for block in blocks]
    if "full_name" in columns:
        rules.append("l.first_name = r.surname and l.surname = r.first_name")
    if "email" in columns:
        rules.append(block_on("substr(email, 1, 6)"))
    comparisons = _list_comparisons(columns)
    if len(comparisons) < 2 or len(records) < 2 or not blocks:
        raise _refuse()
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=rules,
        retain_intermediate_calculation_columns=True,
    )
    database = DuckDBAPI(connection=connection)
    registered = database.register(records)
    linker = Linker(registered, settings, log_level=None)
    try:
        _train(linker, records, blocks, seed)
        corrected = Linker(registered, _correct_chance(registered, linker, len(records)), log_level=None)
        found: list[dict[str, Any]] = corrected.inference.predict(
            threshold_match_probability=threshold, warning_mode="never"
        ).as_record_list()
    except (SplinkException, ValueError) as error:
        raise _refuse() from error
    return found


def _train(linker: Any, records: pa.Table, blocks: Sequence[tuple[str, ...]], seed: int) -> None:
    from splink import block_on
    from splink.internals.exceptions import EMTrainingException

    certain = [
        block_on(*block)
        for block in (("email",), ("phone",), ("first_name", "surname", "dob"))
        if _has_agreement(records, block)
    ]
    if certain:
        linker.training.estimate_probability_two_random_records_match(certain, recall=_CERTAIN_RECALL)
    linker.training.estimate_u_using_random_sampling(max_pairs=_SAMPLED_PAIRS, seed=seed)
    learnt = 0
    for block in blocks:
        # Two blocks teach every column; the first ones contain mostly pairs of one person, and teach best. In a block
        # of equal names the maximum likelihood may be that of the names.
        if learnt == 2:
            break
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(block_on(*block))
            learnt += 1
        except EMTrainingException:
            # No two records agree in these columns; the other blocks must suffice.
            continue
    if not learnt:
        raise _refuse()


def _has_agreement(records: pa.Table, columns: Sequence[str]) -> bool:
    if not set(columns) <= set(records.column_names):
        return False
    present = records.select(list(columns)).drop_null()
    return bool(present.group_by(list(columns)).aggregate([]).num_rows < present.num_rows)


def _correct_chance(registered: Any, linker: Any, record_count: int) -> dict[str, Any]:
    """The model, with chance agreement separated from agreement of one person.

    A random pair is sometimes one person, and of random pairs with one e-mail nearly all are: so an e-mail
    would hardly count. One step of expectation maximisation over random pairs, with everything else fixed, removes
    their share. Agreement never observed by chance counts as observed once.
    """
    from splink import Linker

    pair_count = min(record_count * (record_count - 1) / 2, _SAMPLED_PAIRS)
    model: dict[str, Any] = linker.misc.save_model_to_json()
    once_more = Linker(registered, {**model, "max_iterations": 1}, log_level=None)
    once_more.training.estimate_parameters_using_expectation_maximisation(
        "1 = 1",
        fix_m_probabilities=True,
        fix_u_probabilities=False,
        fix_probability_two_random_records_match=True,
        max_pairs=_SAMPLED_PAIRS if pair_count == _SAMPLED_PAIRS else None,
    )
    corrected: dict[str, Any] = once_more.misc.save_model_to_json()
    for comparison in corrected["comparisons"]:
        for level in comparison["comparison_levels"]:
            if "u_probability" in level:
                level["u_probability"] = max(level["u_probability"], 1 / pair_count)
    return corrected


def _write_suggestions(pairs: Sequence[Mapping[str, Any]]) -> pa.Table:
    rows = []
    for pair in pairs:
        said = []
        for column, level in pair.items():
            if column.startswith("gamma_") and level >= 0:
                name = column.removeprefix("gamma_")
                phrases = COMPARISON_PHRASES["name" if name == "first_name_surname" else name]
                said.append((-abs(pair[f"mw_{name}"]), phrases[level]))
        rows.append(
            {
                "first": min(pair["unique_id_l"], pair["unique_id_r"]),
                "second": max(pair["unique_id_l"], pair["unique_id_r"]),
                "probability": pair["match_probability"],
                "match_weight": pair["match_weight"],
                # Strongest evidence first.
                "reasons": [phrase for _, phrase in sorted(said)],
            }
        )
    rows.sort(key=lambda row: (-row["match_weight"], row["first"], row["second"]))
    return pa.Table.from_pylist(rows, schema=SUGGESTIONS)


def _refuse() -> RefusedError:
    return RefusedError(
        "These records agree with each other too little to learn from them.",
        hint="Give more records, or more columns of the same people.",
    )

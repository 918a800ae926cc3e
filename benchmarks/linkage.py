"""Linkage: how many records of one person are found, and how many suggestions are wrong, on labelled records.

    python benchmarks/linkage.py --data DIR

DIR holds `people/fake_1000.csv` (or the file itself): 1,000 made-up records of people with typing errors, swapped
names and gaps, and the truth in `cluster`, which the model never sees. Beside it stand two rules without a model:
the same e-mail, and the same e-mail or the same name and date of birth.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

import pyarrow as pa

from consumer_fusion.identity.linkage import DEFAULT_THRESHOLD, suggest_merges
from consumer_fusion.identity.people import read_people

Pair = tuple[str, str]
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99)


def list_true_pairs(people: pa.Table) -> set[Pair]:
    return list_agreeing_pairs(people, ("cluster",))


def list_agreeing_pairs(people: pa.Table, columns: Sequence[str]) -> set[Pair]:
    """Pairs of records whose trimmed, lower-cased values are equal and present in all the columns."""
    groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for row in people.to_pylist():
        values = tuple((row[name] or "").strip().lower() for name in columns)
        if all(values):
            groups[values].append(row["unique_id"])
    return {(min(pair), max(pair)) for records in groups.values() for pair in combinations(records, 2)}


def close_pairs(pairs: Iterable[Pair]) -> set[Pair]:
    """All pairs within the groups that the pairs connect: what follows once they are merged."""
    group_of: dict[str, set[str]] = {}
    for first, second in pairs:
        joined = group_of.get(first, {first}) | group_of.get(second, {second})
        for record in joined:
            group_of[record] = joined
    groups = {id(group): group for group in group_of.values()}.values()
    return {(min(pair), max(pair)) for group in groups for pair in combinations(sorted(group), 2)}


def measure(found: set[Pair], truth: set[Pair]) -> dict[str, float]:
    right = len(found & truth)
    precision = right / len(found) if found else 1.0
    recall = right / len(truth)
    return {
        "pairs": len(found),
        "wrong": len(found) - right,
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if right else 0.0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with people/fake_1000.csv, or the file"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    arguments = parser.parse_args()
    path = arguments.data
    if path.is_dir():
        path = next(
            each for each in (path / "people" / "fake_1000.csv", path / "fake_1000.csv") if each.exists()
        )
    people = read_people(path)
    truth = list_true_pairs(people)
    unlabelled = people.drop_columns(["cluster"])

    started = time.perf_counter()
    suggested = suggest_merges(unlabelled, threshold=min(THRESHOLDS), seed=arguments.seed).to_pylist()
    seconds = time.perf_counter() - started
    results: dict[str, dict[str, float]] = {}
    same_email = list_agreeing_pairs(people, ("email",))
    results["same e-mail"] = measure(same_email, truth)
    by_rules = same_email | list_agreeing_pairs(people, ("first_name", "surname", "dob"))
    results["same e-mail, or name and birthday"] = measure(by_rules, truth)
    results["... merged"] = measure(close_pairs(by_rules), truth)
    for threshold in THRESHOLDS:
        pairs = {(row["first"], row["second"]) for row in suggested if row["probability"] >= threshold}
        default = " (default)" if threshold == DEFAULT_THRESHOLD else ""
        results[f"suggested from {threshold:.2f}{default}"] = measure(pairs, truth)
        results[f"... merged from {threshold:.2f}{default}"] = measure(close_pairs(pairs), truth)

    if arguments.json:
        print(json.dumps({"records": len(people), "true_pairs": len(truth), "seconds": seconds, **results}))
        return
    people_count = len(Counter(people["cluster"].to_pylist()))
    print(
        f"{len(people)} records of {people_count} people, {len(truth)} pairs of one person; {seconds:.1f} s"
    )
    print(f"{'':38}{'pairs':>7}{'wrong':>7}{'precision':>11}{'recall':>8}{'F1':>7}")
    for name, figures in results.items():
        print(
            f"{name:38}{figures['pairs']:7d}{figures['wrong']:7d}{figures['precision']:11.4f}"
            f"{figures['recall']:8.3f}{figures['f1']:7.3f}"
        )


if __name__ == "__main__":
    main()

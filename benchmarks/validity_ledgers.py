"""The ledgers of the validity benchmark: real data through the product's own import, with the shipped mappings.

A workspace is made in a scratch folder, the files are imported as the README shows, and the annotated events are
read back: kinds, magnitudes and trust are the product's, not the benchmark's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion import create_workspace, import_files, open_workspace
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.queries.score_queries import read_ledgers

_EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
_SOURCES = {
    "cdnow": [("cdnow/CDNOW_master.txt", "cdnow/mapping.toml")],
    "online_retail": [("online_retail/lines.parquet", "online_retail/mapping.toml")],
    # Household and retailer: a basket is an order, a redemption a coupon applied.
    "completejourney": [
        ("completejourney/transactions_sample.parquet", "completejourney/retailer.toml"),
        ("completejourney/coupon_redemptions.parquet", "completejourney/redemptions.toml"),
    ],
}
_COLUMNS = ["consumer_id", "brand_id", "kind", "occurred_us", "day", "magnitude", "trust", "value"]


def load_ledger(name: str, folder: Path) -> pa.Table:
    """The annotated ledger of one data set, without the events of unknown consumers."""
    with tempfile.TemporaryDirectory() as scratch:
        create_workspace(Path(scratch) / "workspace")
        with open_workspace(Path(scratch) / "workspace") as workspace:
            for file, mapping in _SOURCES[name]:
                reading = choose_reading(format=None, map_file=_EXAMPLES / mapping, source=None, brand=None)
                import_files(workspace, [folder / file], reading)
            force = put_points_in_force(workspace)
            with workspace.store.reading() as session:
                ledger = read_ledgers(force.open(workspace, session)).select(_COLUMNS)
    is_known = pc.and_(pc.is_valid(ledger["consumer_id"]), pc.greater(ledger["consumer_id"], 0))
    ledger = ledger.filter(is_known).sort_by([("occurred_us", "ascending"), ("consumer_id", "ascending")])
    return number_consumers(ledger)


def number_consumers(ledger: pa.Table) -> pa.Table:
    """Consumers numbered by their first event, so that every run splits the same pairs the same way."""
    ids = ledger["consumer_id"].to_numpy()
    _, first_row, place = np.unique(ids, return_index=True, return_inverse=True)
    number = np.empty(first_row.size, dtype=np.int64)
    number[np.argsort(first_row, kind="stable")] = np.arange(1, first_row.size + 1)
    return ledger.set_column(0, "consumer_id", pa.array(number[place]))

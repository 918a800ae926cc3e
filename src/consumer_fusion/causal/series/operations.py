"""Operations on metrics: daily, weekly and monthly series, from events and from files."""

from __future__ import annotations

from consumer_fusion.access.permissions import require_permission
from consumer_fusion.causal.masked_keys import choose_show_key
from consumer_fusion.causal.series.imported_metrics import MetricImport, keep_metrics, read_metric_file
from consumer_fusion.causal.series.metric_list import ListedMetric, list_metrics
from consumer_fusion.errors import PermissionDeniedError
from consumer_fusion.operations import Context, Operation, OperationGroup, Query, Schema, TextFile, describe
from consumer_fusion.records.series import SeriesKind


class MetricFilter(Schema):
    """A filter of metrics."""

    brand: str | None = describe("Brand", "Only of this brand.", default=None)


class ImportMetrics(Schema):
    """A file of series to import."""

    file: TextFile = describe("File", "A .csv or .jsonl file with a day and a value a row.")
    metric: str | None = describe("Metric", "The metric, for rows that do not name it.", default=None)
    brand: str | None = describe("Brand", "The brand, for rows that do not name it.", default=None)
    consumer: str | None = describe("Consumer", "The consumer, for rows that do not name it.", default=None)
    region: str | None = describe("Region", "The region, for rows that do not name it.", default=None)
    product: str | None = describe("Product", "The product, for rows that do not name it.", default=None)
    kind: SeriesKind | None = describe(
        "Kind", "count, cumulative (a running total), mean or level; count if left out.", default=None
    )


def _list_metrics(context: Context, asked: MetricFilter) -> list[ListedMetric]:
    brands = context.caller.brands if asked.brand is None else {asked.brand}
    return list_metrics(context.workspace, brands=brands, show_key=choose_show_key(context.caller))


def _import_metrics(context: Context, asked: ImportMetrics) -> MetricImport:
    days = read_metric_file(asked.file, asked.model_dump(exclude={"file"}, exclude_none=True))
    for brand in sorted({each.brand for each in days if each.brand}):
        require_permission(context.caller, "declare_actions", brand)
    if context.caller.brands is not None and not all(each.brand for each in days):
        raise PermissionDeniedError(
            "A series of a consumer alone concerns all brands, and you may see only some of them.",
            hint="Name the brand of each series.",
        )
    context.describe(file=asked.file.name)
    return keep_metrics(context.workspace, days)


GROUPS = (
    OperationGroup(
        "metrics", "Metrics", "List and import metrics. A metric is a daily series from events or from files."
    ),
)
OPERATIONS = (
    Query(
        name="metrics list", run=_list_metrics, needs="view", parameters=MetricFilter, result=ListedMetric,
        is_many=True, title="Metrics", empty="No metrics yet.",
        summary="List the metrics, with their owners, steps and numbers of values.",
    ),
    Operation(
        name="metrics import", run=_import_metrics, needs="declare_actions", parameters=ImportMetrics,
        result=MetricImport, arguments=("file",), audit="import metrics", button="Import metrics",
        summary="Import the series of a file, daily, weekly or monthly; a day that is already there is replaced.",
        done="Values imported: {days}; series: {series} (weekly {weekly}, monthly {monthly}).",
    ),
)  # fmt: skip

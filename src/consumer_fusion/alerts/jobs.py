"""Jobs on alerts: changed or decayed pairs are judged, deliveries are posted."""

from __future__ import annotations

from consumer_fusion.alerts.alert_evaluation import evaluate_changes, evaluate_decay, send_due
from consumer_fusion.operations import Job

JOBS = (
    Job("judge changes", evaluate_changes, every_seconds=1.0),
    Job("judge decay", evaluate_decay, every_seconds=1.0),
    # In a thread of its own like every job: a receiver may be slow.
    Job("post deliveries", send_due, every_seconds=1.0),
)

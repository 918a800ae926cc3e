"""Repair operations: rejected rows, and corrections of stored events."""

from __future__ import annotations

from consumer_fusion.repairs.correction_operations import CORRECTION_OPERATIONS, CORRECTIONS
from consumer_fusion.repairs.rejected_operations import REJECTED, REJECTED_OPERATIONS

GROUPS = (REJECTED, CORRECTIONS)
OPERATIONS = (*REJECTED_OPERATIONS, *CORRECTION_OPERATIONS)

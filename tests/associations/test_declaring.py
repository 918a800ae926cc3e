"""Declaring an association: one is on record once, and the audit names the one that is."""

from __future__ import annotations

from consumer_fusion.access.audit import read_audit
from consumer_fusion.access.execution import execute
from consumer_fusion.associations.operations import OPERATIONS
from consumer_fusion.records.access import Caller
from consumer_fusion.records.audit import COMMAND_LINE
from small_workspaces import open_small

DECLARE = next(each for each in OPERATIONS if each.name == "associations declare")


def test_the_same_association_again_is_on_record_once_and_the_audit_names_it(tmp_path):
    asked = DECLARE.parameters(consumer="ann", brand="bakery", valid_from=0)
    with open_small(tmp_path / "w") as workspace:
        told = [execute(DECLARE, workspace, Caller(COMMAND_LINE, "owner", None), asked) for _ in range(2)]
        with workspace.store.reading() as session:
            named = [each.object_id for each in read_audit(session) if each.action == DECLARE.audit]
    assert len({each.association_id for each in told}) == 1
    assert set(named) == {told[0].association_id}
    assert len(named) == 2

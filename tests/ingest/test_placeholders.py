"""What programs write where they know nobody names nobody: as a key as well as in an identifier."""

from __future__ import annotations

import json

import pytest

import consumer_fusion as fusion
from consumer_fusion.errors import NotFoundError
from consumer_fusion.identity import operations as identity
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.pipeline import import_files
from consumer_fusion.records.placeholders import is_placeholder_key
from consumer_fusion.score.queries import answers, pair_answers
from small_workspaces import NOW, make_order, open_small

NOBODY = [
    "0", "00", "-1", "-", "null", "NULL", "None", "undefined", "nan", "NaN", "N/A", "guest", "Guest", " guest ",
    "anonymous", "unknown", "[object Object]", "00000000-0000-0000-0000-000000000000", "false", "(not set)",
]  # fmt: skip
SOMEBODY = ["1", "a0", "Ωμέγα", "guest-17", "Nancy", "007x", "Ñ"]


@pytest.fixture
def workspace(tmp_path):
    with open_small(tmp_path / "ws", placeholder_keys='["Walk-In"]') as opened:
        yield opened


def test_a_placeholder_is_no_consumer(workspace):
    keys = [*NOBODY, "walk-in"]
    told = fusion.import_events(
        workspace, [make_order(number, consumer=key) for number, key in enumerate(keys)]
    )
    assert answers.score_pairs(workspace, as_of=NOW).to_pylist() == []
    assert (told.accepted, told.unattributed, told.nobody) == (len(keys),) * 3
    for key in keys:
        with pytest.raises(NotFoundError):
            pair_answers.explain_pair(workspace, key.strip(), "bakery", as_of=NOW)


def test_other_keys_are_somebody(workspace):
    orders = [make_order(number, consumer=key) for number, key in enumerate(SOMEBODY)]
    told = fusion.import_events(workspace, orders)
    assert {row["consumer"] for row in answers.score_pairs(workspace, as_of=NOW).to_pylist()} == set(SOMEBODY)
    assert (told.unattributed, told.nobody) == (0, 0)
    assert [key for key in SOMEBODY if is_placeholder_key(key)] == []


def test_guests_fall_back_to_their_own_identifiers(workspace):
    mails = [f"guest{number}@example.org" for number in range(3)]
    told = fusion.import_events(
        workspace,
        [make_order(number, consumer="0", identifiers={"email": mail}) for number, mail in enumerate(mails)],
    )
    assert (told.accepted, told.unattributed, told.nobody) == (3, 0, 3)
    scores = answers.score_pairs(workspace, as_of=NOW).to_pylist()
    assert sorted(row["consumer"] for row in scores) == [f"email:{mail}" for mail in mails]


def test_a_user_id_that_is_a_placeholder_names_nobody(workspace, tmp_path):
    users = ["0", "null", "undefined", "guest", "anonymous", "NaN", "[object Object]", "-1"]
    path = tmp_path / "calls.jsonl"
    path.write_text(
        "".join(
            f'{{"type":"track","messageId":"{user}","event":"Order Completed","userId":"{user}",'
            f'"anonymousId":"with {user}","timestamp":"2026-06-01T10:00:00Z","properties":{{"revenue":30}}}}\n'
            for user in users
        )
    )
    import_files(workspace, [path], choose_reading(format="segment", brand="bakery"))
    scores = answers.score_pairs(workspace, as_of=NOW).to_pylist()
    assert {row["consumer"] for row in scores} == {f"anonymous_id:with {user}" for user in users}


def make_call(number, kind, user, day, **more):
    call = {
        "type": kind,
        "messageId": str(number),
        "userId": user,
        "timestamp": f"2026-05-0{day}T10:00:00Z",
        **more,
    }
    return json.dumps(call) + "\n"


ORDER = {"event": "Order Completed", "properties": {"revenue": 30}}
ALIASED = (
    make_call(1, "identify", "old-7", 1, traits={})
    + make_call(2, "track", "old-7", 1, **ORDER)
    + make_call(3, "track", "new-7", 2, **ORDER)
    + make_call(4, "alias", "new-7", 3, previousId="old-7")
)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (3, 0, 2, 1)])
def test_an_alias_of_two_user_ids_joins_them_as_the_source_says(workspace, tmp_path, order):
    lines = ALIASED.splitlines()
    for number in order:  # each in an import of its own
        path = tmp_path / f"{number}.jsonl"
        path.write_text(lines[number] + "\n")
        import_files(workspace, [path], choose_reading(format="segment", brand="bakery"))
    (row,) = answers.score_pairs(workspace, as_of=NOW).to_pylist()
    found = identity.show(workspace, "new-7")
    assert set(found.members) == {"new-7", "old-7"}
    assert [(each.origin, each.undone_at) for each in found.merges] == [("rule", None)]
    assert "source says" in found.merges[0].reason
    assert identity.show(workspace, "old-7").consumer == row["consumer"]
    assert row["fusion_score"] > 54


def test_an_alias_that_people_took_apart_stays_apart(workspace, tmp_path):
    path = tmp_path / "calls.jsonl"
    path.write_text(ALIASED)
    import_files(workspace, [path], choose_reading(format="segment", brand="bakery"))
    (merge,) = identity.show(workspace, "new-7").merges
    identity.undo(workspace, merge.merge_id)
    path.write_text(ALIASED.replace('"messageId": "', '"messageId": "again-'))
    import_files(workspace, [path], choose_reading(format="segment", brand="bakery"))
    assert answers.score_pairs(workspace, as_of=NOW).num_rows == 2
    assert any("undone" in each.reason for each in identity.show(workspace, "new-7").conflicts)


def test_a_shops_own_placeholder_is_no_identifier_either(workspace):
    fusion.import_events(
        workspace,
        [
            make_order(
                number,
                consumer="Walk-In",
                identifiers={"account": "walk-in", "loyalty_card": f"L-{number}00"},
            )
            for number in range(2)
        ],
    )
    scores = answers.score_pairs(workspace, as_of=NOW).to_pylist()
    assert sorted(row["consumer"] for row in scores) == ["loyalty_card:L-000", "loyalty_card:L-100"]

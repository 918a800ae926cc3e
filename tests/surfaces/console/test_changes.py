"""What staff change in the console: points, rejected rows, merges, keys; and that each change is on record."""

from __future__ import annotations

import re
import tomllib

import pytest

from console_town import BROKEN, OWNER, READER, make_town, open_console
from consumer_fusion.access.audit import read_audit
from consumer_fusion.access.keys import find_write_key, verify_write_key
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.points_file import write_into
from consumer_fusion.score.queries import answers
from copied_workspaces import copy_made

ORDER = {
    "key": "Order Completed", "points.wallet": "3", "points.feet": "3", "points.delight": "3", "graded": "wallet",
    "half_life_days": "90", "trust": "1",
}  # fmt: skip


@pytest.fixture
def console(tmp_path):
    """A town of one's own, because these tests change it."""
    with open_console(copy_made(tmp_path / "town", make_town, 6)) as opened:
        yield opened


@pytest.fixture
def workspace(console):
    return console[1]


def read_actions(workspace):
    with workspace.store.reading() as session:
        return [entry.action for entry in read_audit(session)]


def change_points(owner, workspace, path="/points/save", **fields):
    before = put_points_in_force(workspace).points.version
    return owner.send("/points/kind?key=Order Completed", path, **{**ORDER, "before": before, **fields})


def test_the_preview_tells_the_effect_on_real_pairs_and_changes_nothing(owner, workspace):
    before = put_points_in_force(workspace).points.version
    page = change_points(owner, workspace, "/points/preview", **{"points.wallet": "5"}).text
    assert "spend: <b>3.00 → 5.00</b>" in page
    assert re.search(r"\d+ relationships have such events", page)
    assert put_points_in_force(workspace).points.version == before


def test_the_preview_is_what_saving_then_does(owner, workspace):
    page = change_points(
        owner, workspace, "/points/preview", **{"points.wallet": "5", "points.feet": "0"}
    ).text
    row = re.search(
        r'href="/relationship\?consumer=([^&]+)&amp;brand=([^"]+)">.*?<td class="number">([\d.]+)</td>'
        r'<td class="number">([\d.]+)</td>',
        page,
    )
    consumer, brand, now, then = row.groups()

    def read_score():
        rows = answers.score_pairs(workspace, consumer=consumer, brand=brand, as_of="latest").to_pylist()
        return f"{rows[0]['fusion_score']:.1f}"

    assert read_score() == now
    change_points(owner, workspace, **{"points.wallet": "5", "points.feet": "0"})
    assert read_score() == then


def test_saved_points_stand_in_the_workspaces_own_file_and_on_record(owner, workspace):
    answer = change_points(owner, workspace, **{"points.wallet": "5"})
    assert "are in force" in answer.text
    versions = owner.get("/points/versions").text
    assert re.search(r"<li>Order Completed, spend: 3(\.0)? → 5(\.0)?</li>", versions)
    own = tomllib.loads(workspace.points_path.read_text(encoding="utf-8"))
    assert own == {"kinds": {"Order Completed": {"points": {"wallet": 5}}}}
    assert "change points" in read_actions(workspace)


def test_remarks_in_the_file_of_own_points_outlive_a_change(owner, workspace):
    workspace.points_path.write_text(
        '# Ours.\n\n# Agreed in May.\n[kinds."Order Completed"]\nhalf_life_days = 60 # a slow town\n\n'
        '# Nobody complains twice.\n[kinds."Complaint Published"]\ntrust = 0.5\n',
        encoding="utf-8",
    )
    change_points(owner, workspace, **{"points.wallet": "5", "half_life_days": "60"})
    written = workspace.points_path.read_text(encoding="utf-8")
    for remark in ("# Ours.", "# Agreed in May.", "# a slow town", "# Nobody complains twice."):
        assert remark in written
    assert tomllib.loads(written)["kinds"] == {
        "Order Completed": {"half_life_days": 60, "points": {"wallet": 5}},
        "Complaint Published": {"trust": 0.5},
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# Only a remark.",
        'kinds = { "Order Completed" = { trust = 0.5 } }',
        'kinds."Order Completed".trust = 0.5 # dotted',
        '[kinds]\n"Order Completed".points.wallet = 4\n',
        '[kinds."Order Completed".points]\nwallet = 4\n\n[kinds."Order Completed"]\ntrust = 1\n',
    ],
)
def test_whatever_form_the_file_has_it_says_afterwards_what_was_saved(text):
    own = {
        "kinds": {
            "Order Completed": {"points": {"wallet": 5.0, "feet": -0.25}, "graded": ["wallet"]},
            'A kind with "quotes" and ünicode': {
                "points": {"feet": 1},
                "half_life_days": 30.5,
                "meaning": "é\n",
            },
        }
    }
    assert tomllib.loads(write_into(text, own)) == own


def test_going_back_to_the_shipped_points_leaves_nothing_behind(owner, workspace):
    shipped = put_points_in_force(workspace).points.version
    change_points(owner, workspace, **{"points.wallet": "5"})
    change_points(owner, workspace, reset="yes")
    assert put_points_in_force(workspace).points.version == shipped
    assert workspace.points_path.read_text(encoding="utf-8").startswith("# The points of this workspace:")


def test_a_change_upon_a_change_of_somebody_else_is_refused(owner, workspace):
    answer = change_points(owner, workspace, before="an older version")
    assert answer.status_code == 409
    assert "The points have been changed" in answer.text


def test_points_that_break_a_rule_are_refused_with_the_reason(owner, workspace):
    before = put_points_in_force(workspace).points.version
    answer = owner.send(
        "/points/kind?key=Ticket Opened", "/points/preview", key="Ticket Opened", before=before,
        half_life_days="30", trust="1", **{"points.service": "-0.3", "points.wallet": "-3"},
    )  # fmt: skip
    assert answer.status_code == 400
    assert "never costs the consumer" in answer.text


def test_a_kind_without_points_gets_some(owner, workspace):
    assert "Window Admired" in owner.get("/points").text
    before = put_points_in_force(workspace).points.version
    fields = {
        "key": "Window Admired",
        "before": before,
        "points.feet": "1",
        "half_life_days": "30",
        "trust": "1",
    }
    page = owner.send("/points/kind?key=Window Admired", "/points/preview", **fields).text
    assert "1 relationships have such events" in page
    owner.send("/points/kind?key=Window Admired", "/points/save", **fields)
    assert "Window Admired" in put_points_in_force(workspace).points.kinds
    assert "Kinds without points" not in owner.get("/points").text


def test_a_reader_may_not_change_points(sign_in, workspace):
    assert change_points(sign_in(READER), workspace, **{"points.wallet": "5"}).status_code == 403


def test_a_rejected_row_is_repaired_and_counts(owner, workspace):
    number = re.search(r"/rejected/row\?row=(\d+)", owner.get("/rejected").text).group(1)
    page = owner.get(f"/rejected/row?row={number}").text
    assert "twelve" in page
    raw = str({**BROKEN, "value": 12}).replace("'", '"')
    answer = owner.send(f"/rejected/row?row={number}", "/rejected/retry", rejection_ids=number, raw=raw)
    assert "Rows accepted: 1;" in answer.text
    assert "No import errors" in answer.text
    scores = answers.score_pairs(workspace, consumer="mended-consumer", brand="sweater-brand", as_of="latest")
    assert scores["fusion_score"][0].as_py() > 50
    assert "retry rejected rows" in read_actions(workspace)


def test_a_rejected_row_that_is_still_wrong_stays_with_its_reason(owner):
    number = re.search(r"/rejected/row\?row=(\d+)", owner.get("/rejected").text).group(1)
    answer = owner.send(
        f"/rejected/row?row={number}", "/rejected/retry", rejection_ids=number, raw='{"event_id": "x"}'
    )
    assert "still rejected: 1. Row 1 has no `kind`" in answer.text


def test_a_merge_is_undone_exactly(owner, workspace):
    page = owner.get("/identities").text
    merge_id = re.search(r'name="merge_id" value="([^"]+)"', page).group(1)
    assert "The same person at the till." in page
    merged = answers.score_pairs(workspace, brand="sweater-brand", as_of="latest").num_rows
    answer = owner.send("/identities", "/identities/undo", merge_id=merge_id)
    assert "The merge is undone" in answer.text
    assert answers.score_pairs(workspace, brand="sweater-brand", as_of="latest").num_rows == merged + 1
    assert "undo merge" in read_actions(workspace)


def test_two_consumers_are_joined_with_a_reason(owner, workspace):
    keys = sorted(
        key
        for key in answers.score_pairs(workspace, brand="sweater-brand", as_of="latest")[
            "consumer"
        ].to_pylist()
        if key.startswith("consumer-")
    )
    answer = owner.send(
        "/identities", "/identities/merge", kept=keys[-1], absorbed=keys[-2], reason="Said so."
    )
    assert f"{keys[-1]} and {keys[-2]} count as one now." in answer.text
    assert "Said so." in answer.text


def test_a_key_is_shown_once_and_then_only_its_ending(owner, workspace):
    page = owner.send("/keys", "/keys/create", source="web-shop", kind="server", brand="sweater-brand").text
    secret = re.search(r'class="secret">([\w-]+)<', page).group(1)
    with workspace.store.reading() as session:
        assert verify_write_key(session, secret, workspace.now_us).source == "web-shop"
    listed = owner.get("/keys").text
    assert secret not in listed
    assert f">{secret[-4:]}<" in listed


def test_a_revoked_key_is_no_longer_valid(owner, workspace):
    owner.send("/keys", "/keys/create", source="web-shop", kind="server")
    number = re.search(r'name="key_id" value="([^"]+)"', owner.get("/keys").text).group(1)
    answer = owner.send("/keys", "/keys/revoke", key_id=number)
    assert "The key of web-shop is no longer valid." in answer.text
    with workspace.store.reading() as session:
        assert not find_write_key(session, number).counts_at(workspace.now_us)


def test_everybody_is_signed_in_by_name(owner):
    assert OWNER.partition("@")[0] in owner.get("/points").text

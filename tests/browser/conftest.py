"""The console of a small town before a real browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import consumer_fusion as fusion
from browser_staff import sign_in
from console_town import OWNER, make_town, serve_console
from consumer_fusion import pipeline
from consumer_fusion.access.accounts import call_as, find_account_by_email
from consumer_fusion.access.invitations import invite_staff
from consumer_fusion.access.keys import create_write_key
from consumer_fusion.access.tokens import create_token
from consumer_fusion.alerts import alert_evaluation
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.records.alert import DELIVERIES
from copied_workspaces import copy_made, find_made

AXE = "axe-core@4.11.0"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def axe():
    """The accessibility engine, fetched by npm beside the repository; skipped where that cannot be."""
    folder = Path(tempfile.gettempdir()) / f"consumer-fusion-{AXE}"
    script = folder / "package" / "axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed, which fetches axe-core")
        folder.mkdir(exist_ok=True)
        packed = subprocess.run(
            [npm, "pack", "--silent", AXE], cwd=folder, capture_output=True, text=True, timeout=120
        )
        if packed.returncode:
            pytest.skip("npm could not fetch axe-core")
        shutil.unpack_archive(folder / packed.stdout.strip().splitlines()[-1], folder)
    return script.read_text(encoding="utf-8")


NOBODYS = [
    {"event_id": "till-7", "source": "till", "occurred_at": "2026-06-11T10:00:00Z", "brand": "sweater-brand",
     "kind": "Order Completed", "value": 30, "currency": "EUR"},
    {"event_id": "post-8", "source": "social", "occurred_at": "2026-06-12T10:00:00Z", "consumer": "till-consumer",
     "kind": "Complaint Published", "channel": "social", "text": "Waited an hour, and then it was sold out."},
]  # fmt: skip

REGULARS = [
    {"event_id": f"visit-{day}", "source": "till", "occurred_at": f"2026-0{4 + day // 28}-{1 + day % 28:02}T10:00:00Z",
     "consumer": "regular-reader", "brand": "book-shop", "kind": "Order Completed", "value": 10, "currency": "EUR"}
    for day in range(45)
]  # fmt: skip
"""More events of one relationship than a page shows at once."""


def make_full_town(folder):
    """A town in which every page has something to show."""
    copy_made(folder, make_town)
    lines = folder / "nobodys.jsonl"
    lines.write_text("\n".join(map(json.dumps, NOBODYS + REGULARS)) + "\n", encoding="utf-8")
    with fusion.open_workspace(folder) as workspace:
        pipeline.import_files(workspace, [lines], choose_reading(format="events"))
        told = alert_evaluation.subscribe(
            workspace, url="https://example.org/notices", types=["score_crossed", "symbiosis_changed"]
        )
        now_us = workspace.now_us
        with workspace.store.writing() as session:
            owner = call_as(find_account_by_email(session, OWNER))
            create_token(session, owner, purpose="weekly dashboard", brands=["book-shop"], now_us=now_us)
            create_write_key(session, source="web-shop", kind="server", brand="sweater-brand", now_us=now_us)
            invite_staff(session, email="ivo@example.org", role="agent", brands=["book-shop"], now_us=now_us)
            session.insert(
                DELIVERIES,
                DELIVERIES.column_names,
                [
                    (f"delivery-{status}", told.subscription_id, "score_crossed", 1, 2, "{}", status, tries, now_us,
                     answer, now_us, None)
                    for status, tries, answer in (("dead", 11, "timed_out"), ("pending", 2, "503"))
                ],
            )  # fmt: skip


@pytest.fixture(scope="session")
def town_folder():
    """A town in which every page has something to show; to be copied."""
    return find_made(make_full_town)


@pytest.fixture(scope="module")
def address(town_folder, tmp_path_factory):
    """A console of one's own for each module, because stories change the town."""
    folder = tmp_path_factory.mktemp("served") / "town"
    shutil.copytree(town_folder, folder)
    with serve_console(folder) as served:
        yield served


@pytest.fixture
def open_page(chromium, address):
    """Opens a browser of its own, signed in or not, and sees that no page has an error of script or policy."""
    contexts, faults = [], []

    def open_one(*, size=DESK, theme="light", language="en", is_signed_in=True):
        context = chromium.new_context(
            viewport=size, color_scheme=theme, locale=language, base_url=address, reduced_motion="reduce"
        )
        # A page that measures an effect takes long on a machine that has other work.
        context.set_default_navigation_timeout(120_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        if is_signed_in:
            sign_in(page)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert faults == []

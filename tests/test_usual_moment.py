"""Who names no moment is told of the same one everywhere: of now, or of the newest event where that is a day old."""

from __future__ import annotations

import csv
import io
import re
import shlex
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from typing import ClassVar
from unittest import mock

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

import consumer_fusion as fusion
from command_line import ask_fusion, run_fusion
from console_town import OWNER, SITE, open_console
from consumer_fusion.access.accounts import call_as, create_account, find_account_by_email, set_password
from consumer_fusion.access.passwords import hash_password
from consumer_fusion.access.tokens import create_token
from consumer_fusion.events.entities import find_keys
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.records.timestamps import from_microseconds
from consumer_fusion.score.queries import answers
from consumer_fusion.score.states.brand_snapshots import forget_snapshots
from consumer_fusion.server import brand_cache
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.server.brand_cache import BrandCache
from consumer_fusion.server.cache import Cache
from consumer_fusion.server.worker_pool import WorkerPool
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.routing import build_api
from consumer_fusion.surfaces.console.cache_control import without_cache
from consumer_fusion.surfaces.console.queries import ConsoleQueries
from consumer_fusion.workspace import Workspace
from small_workspaces import NOW, make_order, open_small
from staff_moments import CHEAP, PASSWORD
from token_admission import admit_token

PAIR = {"consumer": "ann", "brand": "bakery"}
PAGE = "/relationship?consumer=ann&brand=bakery"
NEWEST = NOW - timedelta(days=30)
QUIET = "This is the time of the newest event; nothing has happened since."
TOLD = "As of 16 May 2026, the newest event; use --as-of now for the current time."


def make_shop(folder, *days_ago):
    """Orders of a shop, so many days ago, and an owner who can sign in."""
    with open_small(folder) as workspace:
        orders = [make_order(number, days_ago=days) for number, days in enumerate(days_ago)]
        fusion.import_events(workspace, [*orders, make_order(100, days_ago=days_ago[0], consumer="ben")])
        hashed = hash_password(PASSWORD, CHEAP)
        with workspace.store.writing() as session:
            named = {"actor": COMMAND_LINE, "now_us": workspace.now_us}
            account = create_account(session, email=OWNER, role="owner", brands=None, **named)
            set_password(session, account.account_id, hashed, **named)
    return folder


@pytest.fixture(scope="module")
def stale(tmp_path_factory):
    """A shop that nothing came in of for 30 days."""
    return make_shop(tmp_path_factory.mktemp("stale") / "shop", 90.0, 30.0)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A shop with an order of five hours ago."""
    return make_shop(tmp_path_factory.mktemp("fresh") / "shop", 40.0, 5 / 24)


@pytest.fixture(autouse=True)
def clock():
    """Whoever opens a workspace does so at the tests' now."""
    kept = fusion.open_workspace.__wrapped__.__kwdefaults__
    with mock.patch.dict(kept, clock=lambda: NOW):
        yield


@contextmanager
def sign_in_program(folder):
    """A program with an owner's token at the API of a workspace."""
    with fusion.open_workspace(folder) as workspace:
        request_context = RequestContext(
            workspace, AuditBuffer(workspace.store, workspace.session_store), admit_token
        )
        with workspace.store.writing() as session:
            owner = call_as(find_account_by_email(session, OWNER))
            secret = create_token(session, owner, purpose="test", brands=None, now_us=workspace.now_us).secret
        yield TestClient(build_api(request_context), headers={"Authorization": f"Bearer {secret}"})
        request_context.close()


@contextmanager
def sign_in_reader(folder):
    """The owner, signed in at the console of a workspace."""
    with open_console(folder) as (app, _):
        http = TestClient(app, base_url=SITE, client=("127.0.0.1", 50_000))
        token = re.search(r'name="form_token" value="([^"]+)"', http.get("/sign-in").text).group(1)
        http.post(
            "/sign-in", data={"form_token": token, "email": OWNER, "password": PASSWORD},
            headers={"Origin": SITE}, follow_redirects=False,
        )  # fmt: skip
        yield http


@pytest.fixture(scope="module", autouse=True)
def _clients():
    """Closes what the faces of all workspaces opened."""
    with ExitStack() as Faces.open_for_all:
        yield
    Faces.clients.clear()


class Faces:
    """One workspace as the four faces show it.

    Args:
        folder: Where it is.
    """

    clients: ClassVar = {}
    open_for_all = ExitStack()

    def __init__(self, folder):
        self.folder = folder

    def ask_command(self, name="score", as_of=None):
        pair = ["ann", "bakery"] if name == "explain" else ["--consumer", "ann", "--brand", "bakery"]
        told = ask_fusion(self.folder, name, *pair, *(["--as-of", as_of] if as_of else []))
        return told if name == "explain" else told[0]

    def ask_python(self, as_of=None):
        with fusion.open_workspace(self.folder) as workspace:
            return fusion.score_pairs(workspace, **PAIR, as_of=as_of).to_pylist()[0]

    def ask_api(self, question="/score", **asked):
        answer = self.make_once(sign_in_program).get(question, params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def open_page(self, path):
        return self.make_once(sign_in_reader).get(path).text

    def make_once(self, make):
        """A client of this workspace's, made once for all tests."""
        if (self.folder, make) not in self.clients:
            self.clients[self.folder, make] = self.open_for_all.enter_context(make(self.folder))
        return self.clients[self.folder, make]

    def read_console(self, as_of=None):
        """The score of the pair's page, exact, as its ledger adds up to it."""
        asked = f"&as_of={as_of}" if as_of else ""
        ledger = self.open_page(f"{PAGE}{asked}&format=csv").removeprefix("\ufeff")
        return 50 + sum(float(row["contribution"]) for row in csv.DictReader(io.StringIO(ledger)))

    def read_all(self, as_of=None):
        """The score of the pair, told by every face."""
        asked = {} if as_of is None else {"as_of": as_of}
        return {
            "score": self.ask_command("score", as_of)["fusion_score"],
            "explain": self.ask_command("explain", as_of)["fusion_score"],
            "Python": self.ask_python(as_of)["fusion_score"],
            "console": self.read_console(as_of),
            **{
                question: self.ask_api(question, **PAIR, **asked)["fusion_score"]
                for question in ("/score", "/explain")
            },
            "/scores": self.ask_api("/scores", **PAIR, **asked)["items"][0]["fusion_score"],
        }


@pytest.mark.parametrize(
    ("days_ago", "is_newest"), [(0.5, False), (1.0, False), (1.001, True), (400.0, True)]
)
def test_the_usual_moment_is_the_newest_events_once_that_is_more_than_a_day_ago(
    tmp_path, days_ago, is_newest
):
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, [make_order(1, days_ago=days_ago)])
        newest = answers.resolve_as_of(workspace, "latest")
        assert workspace.now_us - newest == pytest.approx(days_ago * 86_400e6)
        assert answers.resolve_as_of(workspace, None) == (newest if is_newest else workspace.now_us)
        assert answers.resolve_as_of(workspace, "now") == workspace.now_us
        assert answers.resolve_as_of(workspace, NEWEST) == round(NEWEST.timestamp() * 1e6)


def test_the_usual_moment_is_never_after_now(tmp_path):
    with open_small(tmp_path) as workspace:
        assert answers.resolve_as_of(workspace, None) == workspace.now_us
        fusion.import_events(workspace, [make_order(1, days_ago=30), make_order(2, days_ago=-0.5)])
        assert answers.resolve_as_of(workspace, None) == workspace.now_us


@pytest.mark.parametrize(
    ("shop", "as_of", "moment"),
    [
        ("stale", None, NEWEST), ("stale", "now", NOW), ("stale", "latest", NEWEST),
        ("fresh", None, NOW), ("fresh", "now", NOW), ("fresh", "latest", NOW - timedelta(hours=5)),
    ],
)  # fmt: skip
def test_command_line_console_api_and_python_tell_the_same_score(request, shop, as_of, moment):
    faces = Faces(request.getfixturevalue(shop))
    with fusion.open_workspace(faces.folder) as workspace:
        wanted = fusion.score_pairs(workspace, **PAIR, as_of=moment)["fusion_score"][0].as_py()
    told = faces.read_all(as_of)
    assert told == pytest.approx(dict.fromkeys(told, wanted), abs=1e-9)
    assert f'<span class="value">{wanted:.1f}</span>' in faces.open_page(
        PAGE + (f"&as_of={as_of}" if as_of else "")
    )


def test_what_the_moments_tell_apart_is_more_than_a_rounding(stale):
    faces = Faces(stale)
    assert faces.ask_python()["fusion_score"] - faces.ask_python("now")["fusion_score"] > 0.5


@pytest.mark.parametrize(
    "question", ["/scores", "/score", "/movers", "/explain", "/changes", "/history", "/brands"]
)
def test_every_question_of_the_api_says_of_which_moment_its_answer_is(stale, question):
    faces, newest = Faces(stale), NEWEST.isoformat().replace("+00:00", "Z")
    assert faces.ask_api(question, **PAIR)["as_of"] == newest
    assert faces.ask_api(question, **PAIR, as_of="latest")["as_of"] == newest
    assert faces.ask_api(question, **PAIR, as_of="now")["as_of"] == NOW.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    "command",
    [["score"], ["explain", "ann", "bakery"], ["brands"], ["score", "--json"], ["brands", "--json"]],
)
def test_a_command_says_in_one_line_that_it_is_not_about_now(stale, fresh, command):
    assert run_fusion(*command, "--workspace", stale).complaint == f"{TOLD}\n"
    for asked in ("now", "latest", NEWEST.isoformat()):
        assert run_fusion(*command, "--as-of", asked, "--workspace", stale).complaint == ""
    assert run_fusion(*command, "--workspace", fresh).complaint == ""


@pytest.mark.slow
def test_what_is_written_into_files_is_of_the_same_moment_and_says_so(stale, tmp_path):
    run = run_fusion("score", "--out", tmp_path / "scores.parquet", "--workspace", stale)
    assert run.complaint == f"{TOLD}\n"
    run = run_fusion("export", "--to", tmp_path / "all", "--workspace", stale)
    assert TOLD in run.complaint
    run = run_fusion("report", "--out", tmp_path / "report.html", "--workspace", stale)
    assert run.complaint == f"{TOLD}\n"
    assert "16 May 2026" in (tmp_path / "report.html").read_text(encoding="utf-8")
    for path in (tmp_path / "scores.parquet", tmp_path / "all" / "scores.parquet"):
        assert set(pq.read_table(path)["as_of"].to_pylist()) == {NEWEST.isoformat().replace("+00:00", "Z")}


@pytest.mark.parametrize(
    "command",
    [
        ["explain", "ann", "no-shop"],
        ["score", "--out", "no-folder/scores.csv"],
    ],
)
def test_a_command_that_fails_says_nothing_of_a_moment(stale, command):
    run = run_fusion(*command, "--workspace", stale)
    assert run.status == 1
    assert "newest event" not in run.complaint


def test_an_effect_is_of_now_and_takes_the_same_words(stale):
    for asked in ([], ["--as-of", "now"], ["--as-of", "latest"]):
        run = run_fusion("effects", "show", "no-action", *asked, "--workspace", stale, "--json")
        assert (run.told["code"], run.complaint) == ("not_found", "")


@pytest.mark.parametrize("as_of", [None, "latest", "now", "2026-05-20", "2026-05-20 12:00"])
def test_who_follows_the_hint_sees_the_same_score(stale, as_of):
    environment = {"CONSUMER_FUSION_WORKSPACE": str(stale)}
    asked = [] if as_of is None else ["--as-of", as_of]
    run = run_fusion("score", "--order", "highest", *asked, environment=environment)
    hint = re.search(r"^Next: fusion (.+)$", run.output, re.MULTILINE).group(1)
    (row, *_) = run_fusion("score", "--order", "highest", *asked, "--json", environment=environment).told
    followed = run_fusion(*shlex.split(hint), environment=environment)
    assert followed.output.startswith(f"{row['consumer']} × {row['brand']}  {row['fusion_score']:.1f} ")
    exact = run_fusion(*shlex.split(hint), "--json", environment=environment).told
    assert exact["fusion_score"] == pytest.approx(row["fusion_score"], abs=1e-9)


def test_the_hint_after_an_import_shows_what_was_imported(stale, tmp_path):
    folder = tmp_path / "new"
    assert run_fusion("init", folder).status == 0
    lines = tmp_path / "events.jsonl"
    lines.write_text(
        '{"event_id": "1", "occurred_at": "2020-05-01", "kind": "Store Visited", "consumer": "ann", "brand": "b"}\n',
        encoding="utf-8",
    )
    run = run_fusion("import", lines, "--format", "events", "--workspace", folder)
    hint = re.search(r"^Next: fusion (.+)$", run.output, re.MULTILINE).group(1)
    (row,) = run_fusion(*shlex.split(hint), "--json", "--workspace", folder).told
    assert row["as_of"] == "2020-05-01T00:00:00Z"


@pytest.mark.parametrize(
    "path", [PAGE, "/brand?brand=bakery", "/consumers?brand=bakery", "/consumer?consumer=ann", "/brands"]
)
def test_a_page_says_that_it_is_of_the_newest_event(stale, fresh, path):
    assert QUIET in Faces(stale).open_page(path)
    for folder, asked in ((stale, "now"), (stale, "latest"), (stale, "2026-05-20"), (fresh, "")):
        page = Faces(folder).open_page(f"{path}{'&' if '?' in path else '?'}as_of={asked}")
        assert QUIET not in page
        assert "UTC." in page


def test_pages_and_answers_that_are_kept_follow_when_the_usual_moment_changes(tmp_path):
    """A server runs on while a day passes without an event, and when one comes again."""
    folder, time = make_shop(tmp_path / "shop", 40.0, 5 / 24), [NOW]
    with fusion.open_workspace(folder, clock=lambda: time[0]) as workspace:
        queries, workers = ConsoleQueries(workspace), WorkerPool(workspace)
        request_context = RequestContext(
            workspace, AuditBuffer(workspace.store, workspace.session_store), admit_token
        )

        def read_moments():
            moment_us = queries.choose_moment()
            brands = {row["brand"]: row["mean"] for row in queries.read_brands(moment_us).brands.to_pylist()}
            (snapshot,) = request_context.recall_scores(
                None, request_context.find_fixed_moment(None), change_days=None
            )
            assert brands["bakery"] == pytest.approx(
                pc.mean(snapshot.scores["fusion_score"]).as_py(), abs=1e-9
            )
            assert queries.read_brands(moment_us).as_of_us == snapshot.as_of_us == moment_us
            pair = queries.read_pair("ann", "bakery", moment_us, with_other_brands=True)
            assert pair.answer.as_of_us == moment_us
            return from_microseconds(moment_us)

        with without_cache():  # what may lag behind for a minute need not here, where days pass at once
            assert read_moments() == NOW
            time[0] = NOW + timedelta(days=2)
            assert read_moments() == NOW - timedelta(hours=5)
            fusion.import_events(workspace, [make_order(500, days_ago=-2, consumer="ann")])
            assert read_moments() == time[0]
        request_context.close()
        workers.close()


@dataclass(frozen=True)
class Large:
    """A workspace whose brands are read in the background, as large ones are.

    Attributes:
        workspace: The workspace.
        cache: Where what was read is kept.
        workers: Where many pairs are read.
        brands: What knows the scores of brands.
        may_read: Until it is set, the background waits before it reads, so that no test depends on who is faster.
    """

    workspace: Workspace
    cache: Cache
    workers: WorkerPool
    brands: BrandCache
    may_read: Event

    def finish_reading(self):
        self.may_read.set()
        self.cache.close()  # ends when what began is done


@pytest.fixture
def large(stale, monkeypatch):
    may_read = Event()
    monkeypatch.setattr(brand_cache, "MANY_STATES", 1)
    monkeypatch.setattr(brand_cache, "INSTANT_STATES", 0)
    with fusion.open_workspace(stale) as workspace:
        workers, cache = WorkerPool(workspace), Cache()
        with workspace.store.writing() as session:
            forget_snapshots(session, None)

        def wait_and_run(function, *asked):
            assert may_read.wait(60)
            return function(workspace, *asked)

        monkeypatch.setattr(workers, "run", wait_and_run)
        yield Large(workspace, cache, workers, BrandCache(workspace, workers, cache), may_read)
        may_read.set()
        workers.close()
        cache.close()


def test_the_place_in_a_large_brand_is_read_in_the_background_for_the_usual_moment(large):
    with large.workspace.store.reading() as session:
        brand_id = find_keys(session, "brand", ["bakery"])["bakery"]
    usual_us = answers.find_fixed_moment(large.workspace, None)
    assert large.brands.find_percentile(brand_id, 1, 60.0, usual_us) is None  # nobody waits
    large.finish_reading()
    assert large.brands.find_percentile(brand_id, 1, 60.0, usual_us).as_of_us == usual_us


def test_a_page_tells_the_place_as_soon_as_it_is_known(large):
    queries = ConsoleQueries(large.workspace, large.cache, large.workers, large.brands)
    moment_us = queries.choose_moment()
    assert queries.read_pair("ann", "bakery", moment_us, with_other_brands=True).percentile is None
    large.finish_reading()
    assert queries.read_pair("ann", "bakery", moment_us, with_other_brands=True).percentile == 75.0

"""What every answer of the server has in common, whatever is asked."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from consumer_fusion.surfaces.web import build_app
from small_workspaces import open_small

PATHS = ["/healthz", "/", "/api/v1/openapi.json", "/v1/batch", "/no-such-page", "/sign-in"]


@pytest.fixture
def application(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        yield build_app(workspace)


@pytest.mark.parametrize("path", PATHS)
def test_a_browser_that_came_by_https_is_told_to_come_by_nothing_else(application, path):
    secure = TestClient(application, base_url="https://fusion.example.org", raise_server_exceptions=False)
    plain = TestClient(application, base_url="http://fusion.example.org", raise_server_exceptions=False)
    assert secure.get(path, follow_redirects=False).headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in plain.get(path, follow_redirects=False).headers


@pytest.mark.parametrize(
    ("language", "words"), [("en", "There is no such page"), ("it", "Questa pagina non esiste")]
)
def test_an_address_without_a_page_is_answered_by_a_page(application, language, words):
    client = TestClient(application, base_url="http://localhost", raise_server_exceptions=False)
    headers = {"accept": "text/html", "accept-language": language}
    answer = client.get("/no/such/page", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert words in answer.text
    assert "default-src" in answer.headers["content-security-policy"]


def test_programs_are_told_in_json_that_there_is_nothing(application):
    client = TestClient(application, base_url="http://localhost", raise_server_exceptions=False)
    answer = client.get("/no/such/page", headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

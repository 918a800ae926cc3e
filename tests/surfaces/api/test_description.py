"""The description of the API is true: whatever it lets one ask is answered as it says, and never by a failure."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from consumer_fusion.operations import Operation, find_capabilities, list_grouped, name_path

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

OPERATIONS = (
    "/scores", "/score", "/movers", "/explain", "/changes", "/history", "/brands", "/kinds", "/points",
)  # fmt: skip
MADE = {
    name_path(group, each): "post" if isinstance(each, Operation) else "get"
    for group, each in list_grouped(find_capabilities().values())
}
"""What capabilities declare: each path with its method."""
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection",
)  # fmt: skip


def test_every_question_is_described_with_its_answers(program):
    described = program.get("/openapi.json", headers={"Authorization": ""}).json()
    assert set(described["paths"]) == {*OPERATIONS, *MADE}
    for path, operations in described["paths"].items():
        (method,) = operations
        assert method == MADE.get(path, "get"), path
        assert {"200", "304", "400", "401", "403", "404", "422"} <= set(operations[method]["responses"]), path
    assert described["security"] == [{"token": []}, {"session": []}]


@pytest.mark.slow
@pytest.mark.parametrize("path", OPERATIONS)
def test_whatever_is_asked_gets_the_answer_that_is_described(program, path):
    schemathesis.checks.load_all_checks()
    checks = schemathesis.checks.CHECKS.get_by_names(CHECKS)
    schema = schemathesis.openapi.from_asgi("/openapi.json", program.app)
    authorization = {"Authorization": program.headers["Authorization"]}

    @given(case=schema[path]["GET"].as_strategy())
    @settings(
        max_examples=12, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case):
        answer = case.call(headers={**(case.headers or {}), **authorization})
        assert answer.status_code < 500, (case.query, answer.text)
        case.validate_response(answer, checks=checks)

    ask()

"""The table of rules is whole and true, and the rules that no other test proves."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.proof import matrix, mutation, score, standards
from tests.proof.interference import AwsFault, OktaFault
from tests.proof.moves import ClientSend
from tests.proof.standards import Rule, State
from tests.proof.world import Person, World, watched
from tests.unit.events import proxy_event
from verification import errors, parsing
from verification.crypto import fold_login
from verification.http import json_api
from verification.http.messages import Request
from verification.observability import Meter, Observer

RULES = standards.rules()
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def test_every_requirement_is_in_the_table() -> None:
    assert {each for rule in RULES.values() for each in rule.sources} == standards.REQUIRED


@every_rule
def test_a_rule_has_tests_that_exist_or_a_reason(rule: Rule) -> None:
    assert [each for each in rule.tests if standards.missing(each)] == []
    for document in rule.documents:
        path, _, anchor = document.partition("#")
        assert anchor in standards.headings(standards.ROOT / path), document
    assert rule.text.endswith(".")
    assert (rule.state is State.MET) == (not rule.reason)
    assert rule.tests or rule.reason


@every_rule
def test_a_rule_with_tests_has_a_mutant_that_they_can_kill(rule: Rule) -> None:
    mutants = [each for each in mutation.mutants() if each.rule == rule.name]
    assert bool(mutants) == bool(rule.tests)
    assert rule.quick_tests or not mutants
    for mutant in mutants:
        mutant.applied()


def test_the_document_has_the_figures_of_the_proof() -> None:
    text = (standards.ROOT / "docs/security.md").read_text()
    proof = text.partition("## Proof")[2].partition("\n## ")[0]
    figures = {
        r"(\d+) requirements, in (\d+) rules": [len(standards.REQUIRED), len(RULES)],
        r"(\d+) ways to break": [len(mutation.mutants())],
        r"in the (\d+) modules that decide": [len(score.MODULES)],
        r"at least (\d+) % of these changes": [score.BAR],
        r"(\d+) faults at every call to Okta, (\d+) at": [len(OktaFault), len(AwsFault)],
        r"(\d+) calls of the API": [len(matrix.SCENARIOS)],
    }
    for pattern, expected in figures.items():
        (found,) = re.findall(pattern, " ".join(proof.split()))
        assert [int(each) for each in ([found] if isinstance(found, str) else found)] == expected


def test_a_test_that_does_not_exist_is_noticed() -> None:
    this = "tests/proof/test_standards.py"
    assert standards.missing(f"{this}::test_a_test_that_does_not_exist_is_noticed") == ""
    for wrong in ("tests/proof/nothing.py::test_a", f"{this}::test_nothing", this, f"{this}::Rule"):
        assert standards.missing(wrong)


# ---- Rules that no other test proves ---------------------------------------------------------------


def test_okta_is_told_how_long_a_code_lives() -> None:
    with watched():
        world = World(Person.CUSTOMER, {"CHALLENGE_LIFETIME_SECONDS": "77"})
        ClientSend().play(world)
    assert world.user is not None
    sent = [each.challenge for each in world.user.factors if each.challenge]
    assert [each.expires_at - world.clock.now for each in sent] == [77]


LONG = 20_000
BAIT = ("a", "1", "-", " ", ".", "@", "a.", "a-", "a@", "{{code}}", "www.", "\u0301", "\u2165")
CHECKS: dict[str, Callable[[str], object]] = {
    "email": lambda text: parsing.parse_email(f"{text}@{text[:200]}!"),
    "domain": lambda text: parsing.parse_email(f"a@{text[:200]}!"),
    "code": parsing.parse_code,
    "pass code": parsing.parse_pass_code,
    "phone": lambda text: parsing.parse_phone(f"+1{text}"),
    "label": lambda text: parsing.parse_label(f"{text}!", "purpose"),
    "locale": lambda text: parsing.parse_locale(f"de-{text}!"),
    "id": lambda text: parsing.parse_okta_id(f"{text}!"),
    "template": lambda text: parsing.parse_sms_template(f"{text[:150]}{{{{code}}}}"),
    "redirect": lambda text: parsing.require_redirect(f"https://{text}", ["https://shop.example"]),
    "login": fold_login,
    "body": lambda text: json_api.parse_issue(_request(f'{{"email": "{text[:8000]}"}}')),
    "nesting": lambda text: json_api.parse_issue(_request("[" * min(len(text), 8000))),
}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_no_text_makes_a_check_slow(check: Callable[[str], object]) -> None:
    """The short texts first: what grows with a power of two takes a second at 22 characters."""
    for length in (22, 26, LONG):
        for bait in BAIT:
            began = time.process_time()
            with suppress(errors.BadRequest, errors.CustomerNotFound):
                check((bait * length)[:length])
            assert time.process_time() - began < 0.25, (bait, length)


def _request(body: str) -> Request:
    return Request.of(proxy_event("POST", "/challenge", body=body))


def test_no_caller_writes_a_line_into_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "injection")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "injection")
    forged = 'shop\n{"level":"INFO","outcome":"verified"}\r\n\x1b[2K'
    meter, observer = Meter(), Observer()
    meter.note(context=forged, okta_request_id=forged, caller=forged)
    observer.misconfigured(forged, forged)
    observer.outcome("json", forged, forged, "invalid_code", meter)
    written = capsys.readouterr().out
    assert written.replace("\n", "").isprintable()
    problem, line, *_ = map(json.loads, written.splitlines())
    assert (problem["problem"], line["outcome"], line["context"]) == (
        forged,
        "invalid_code",
        forged,
    )
    assert line["timestamp"].endswith("+0000")

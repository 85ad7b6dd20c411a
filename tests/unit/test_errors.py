"""The error tree: its drawing, its codes, and what may be read in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from verification import errors
from verification.dialects.outcomes import STATUS, headers_of
from verification.errors import VerificationError

CONTRACT = {
    400: "missing_email invalid_email missing_code invalid_code_format malformed_body "
    "unsupported_channel",
    401: "unauthorized invalid_credentials sign_in_ended",
    403: "invalid_code sign_in_refused",
    404: "customer_not_found challenge_not_found route_not_found",
    409: "customer_exists customer_inactive customer_ambiguous customer_locked factor_not_enrolled "
    "factor_not_active factor_already_enrolled enrollment_refused challenge_already_verified request_in_progress",
    410: "challenge_expired challenge_superseded challenge_exhausted",
    415: "unsupported_media_type",
    422: "customer_invalid invalid_phone_number idempotency_key_reused",
    429: "send_limited attempts_held rate_limited",
    500: "internal_error",
    502: "okta_credentials_rejected okta_unexpected_response",
    503: "okta_unavailable okta_rate_limited store_unavailable",
    504: "deadline_exceeded",
}
"""What callers match on. A line may be added; none may change."""


def tree(root: type[VerificationError]) -> Iterator[type[VerificationError]]:
    """The class and all under it, without the ones that a lower layer keeps to itself."""
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)


def drawn(docstring: str) -> dict[str, str]:
    """Every class in the drawing, with its parent."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in docstring.splitlines():
        if match := re.match(r"([│├└─ ]*)([A-Z]\w+)(?:  |$)", line):
            depth = len(match[1]) // 4
            path[depth:] = [match[2]]
            parents[match[2]] = path[depth - 1] if depth else ""
    return parents


ALL = list(tree(VerificationError))
LEAVES = [each for each in ALL if not list(tree(each))[1:]]
CODED = [each for each in ALL if "code" in vars(each)]


class TestTree:
    def test_the_drawing_is_the_tree(self) -> None:
        real = {each.__name__: each.__base__.__name__ for each in ALL if each.__base__}
        real["VerificationError"] = ""
        assert drawn(errors.__doc__ or "") == real

    def test_every_class_says_what_to_do(self) -> None:
        assert [each.__name__ for each in ALL if not each.__doc__] == []

    @pytest.mark.parametrize("leaf", LEAVES)
    def test_every_outcome_has_a_code_and_a_title(self, leaf: type[VerificationError]) -> None:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+|unauthorized", leaf.code)
        assert re.fullmatch(r"[A-Z].+\.", leaf.title)

    def test_no_two_outcomes_share_a_code(self) -> None:
        assert [code for code, n in Counter(each.code for each in CODED).items() if n > 1] == []

    def test_a_class_with_a_code_has_a_title_of_its_own(self) -> None:
        assert [each.__name__ for each in CODED if "title" not in vars(each)] == []


class TestStatuses:
    def test_every_code_has_a_status_and_every_status_a_code(self) -> None:
        assert {each.code for each in CODED} == STATUS.keys()

    def test_the_statuses_are_the_contract(self) -> None:
        promised = {code: status for status, codes in CONTRACT.items() for code in codes.split()}
        assert promised == STATUS

    @pytest.mark.parametrize("leaf", [each for each in LEAVES if issubclass(each, errors.TryLater)])
    def test_whoever_shall_come_back_is_told_when(self, leaf: type[errors.TryLater]) -> None:
        assert headers_of(leaf(retry_after=17)) == {"Retry-After": "17"}
        assert STATUS[leaf.code] in (409, 429, 503)

    def test_a_client_is_told_how_to_authenticate(self) -> None:
        assert headers_of(errors.Unauthorized()) == {"WWW-Authenticate": "Bearer"}

    def test_a_final_outcome_says_nothing_of_the_kind(self) -> None:
        assert headers_of(errors.InvalidCode(attempts_remaining=2)) == {}


class TestWhatIsSaid:
    def test_an_error_reads_as_its_title_or_its_detail(self) -> None:
        assert str(errors.MalformedBody()) == "The request body cannot be understood."
        assert str(errors.MalformedBody("email is not a string.")) == "email is not a string."
        assert errors.MalformedBody("email is not a string.").detail == "email is not a string."

    @pytest.mark.parametrize(("given", "told"), [(30, 30), (1, 1), (0, 1), (-5, 1)])
    def test_a_wait_is_never_less_than_a_second(self, given: int, told: int) -> None:
        assert errors.AttemptsHeld(retry_after=given).retry_after == told

    def test_what_an_operator_must_mend_is_not_for_callers(self) -> None:
        error = errors.ConfigurationError("TABLE_NAME is not set")
        assert error.problem == "TABLE_NAME is not set"
        assert (str(error), error.detail) == ("Something went wrong in this service.", "")

    def test_a_wrong_code_says_how_many_attempts_are_left(self) -> None:
        assert errors.InvalidCode(attempts_remaining=3).attempts_remaining == 3

    def test_only_a_call_that_never_reached_okta_may_be_sent_again(self) -> None:
        assert not issubclass(errors.OktaOutcomeUnknown, errors.OktaNotReached)
        assert errors.OktaNotReached.code == errors.OktaOutcomeUnknown.code == "okta_unavailable"

"""The JSON dialect: what a code is for, and the answer to a release."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from tests.unit.events import posted
from tests.unit.examples import NOW, challenge
from verification import errors
from verification.dialects import json_api
from verification.models import ChallengeStatus, IssueRequest, VerifyRequest

Request = IssueRequest | VerifyRequest

ADA = "ada@example.com"
PURPOSE = {"purpose": "pick-up", "reference": "order:1001"}
BODIES: dict[str, tuple[Callable[[APIGatewayProxyEvent], Request], dict[str, str]]] = {
    "issue": (json_api.parse_issue, {"email": ADA}),
    "verify by email": (json_api.parse_verify, {"email": ADA, "otp": "123456"}),
    "verify by id": (json_api.parse_verify, {"challenge_id": "ch_one", "code": "123456"}),
}
EVERY_BODY = pytest.mark.parametrize("name", BODIES)


class TestPurposes:
    @EVERY_BODY
    def test_a_purpose_and_a_reference_are_taken(self, name: str) -> None:
        parse, body = BODIES[name]
        request = parse(posted({**body, **PURPOSE}))
        assert (request.purpose, request.reference) == ("pick-up", "order:1001")

    @EVERY_BODY
    @pytest.mark.parametrize("nothing", [None, ""])
    def test_nothing_is_no_purpose(self, name: str, nothing: str | None) -> None:
        parse, body = BODIES[name]
        for request in (
            parse(posted(body)),
            parse(posted({**body, "purpose": nothing, "reference": nothing})),
        ):
            assert (request.purpose, request.reference) == (None, None)

    @EVERY_BODY
    @pytest.mark.parametrize("field", ["purpose", "reference"])
    @pytest.mark.parametrize("value", ["x" * 65, "pick up", "a\nb", "<b>", 42, ["a"], {}, True])
    def test_what_is_none_is_named(self, name: str, field: str, value: object) -> None:
        parse, body = BODIES[name]
        with pytest.raises(errors.MalformedBody) as refused:
            parse(posted({**body, field: value}))
        assert (refused.value.code, refused.value.detail.split()[0]) == ("malformed_body", field)

    def test_a_verified_challenge_says_what_it_was_for(self) -> None:
        verified = challenge(status=ChallengeStatus.VERIFIED, verified_at=NOW, **PURPOSE)
        body = json.loads(json_api.verified(verified).body or "")
        assert (body["purpose"], body["reference"]) == ("pick-up", "order:1001")

    def test_a_purpose_alone_is_said_alone(self) -> None:
        verified = challenge(purpose="pick-up", status=ChallengeStatus.VERIFIED, verified_at=NOW)
        body = json.loads(json_api.verified(verified).body or "")
        assert body["purpose"] == "pick-up"
        assert "reference" not in body


class TestRelease:
    def test_a_release_has_no_body(self) -> None:
        response = json_api.released()
        assert (response.status_code, response.body) == (204, "")

    @pytest.mark.parametrize(
        "segment",
        ["ada@example.com", "ada%40example.com", "Ada%40Example.com", "%61da%40example.com"],
    )
    def test_an_email_in_a_path_is_read_decoded_or_not(self, segment: str) -> None:
        assert json_api.parse_email(segment) == ADA

    def test_a_percent_sign_of_the_address_itself_is_kept(self) -> None:
        assert json_api.parse_email("a%41da@example.com") == "a%41da@example.com"

    @pytest.mark.parametrize(
        ("segment", "code"),
        [
            ("", "missing_email"),
            ("nonsense", "invalid_email"),
            ("ada%2540example.com", "invalid_email"),
            ("ada%40example.com%0d%0a", "invalid_email"),
            ("ada@example.com,eve@evil.example", "invalid_email"),
        ],
    )
    def test_an_email_in_a_path_is_checked_like_any(self, segment: str, code: str) -> None:
        with pytest.raises(errors.BadRequest) as refused:
            json_api.parse_email(segment)
        assert refused.value.code == code

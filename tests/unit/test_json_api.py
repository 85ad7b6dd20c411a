"""The JSON dialect: what it understands, and what it says."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from tests.unit.events import REQUEST_ID, posted, proxy_event
from tests.unit.examples import NOW, challenge
from verification import errors
from verification.dialects import json_api
from verification.dialects.outcomes import STATUS
from verification.models import ChallengeStatus, Channel, Issued

ADA = "ada@example.com"
REQUEST = posted({"email": ADA})


def encoded(body: bytes | str) -> APIGatewayProxyEvent:
    event = proxy_event("POST", "/", headers={"Content-Type": "application/json"})
    event["body"] = b64encode(body).decode() if isinstance(body, bytes) else body
    event["isBase64Encoded"] = True
    return APIGatewayProxyEvent(event)


class TestIssueRequests:
    def test_an_email_is_enough(self) -> None:
        request = json_api.parse_issue(posted({"email": " Ada@Example.com "}))
        assert (request.email, request.channel, request.locale) == (ADA, Channel.EMAIL, None)

    def test_channel_and_locale_are_taken(self) -> None:
        body = {"email": ADA, "channel": "sms", "locale": "pt-BR"}
        request = json_api.parse_issue(posted(body))
        assert (request.channel, request.locale) == (Channel.SMS, "pt-BR")

    def test_null_is_absent(self) -> None:
        request = json_api.parse_issue(posted({"email": ADA, "channel": None, "locale": None}))
        assert (request.channel, request.locale) == (Channel.EMAIL, None)

    def test_a_field_that_is_not_known_is_ignored(self) -> None:
        assert json_api.parse_issue(posted({"email": ADA, "user_id": "00u1"})).email == ADA

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, "missing_email"),
            ({"email": ""}, "missing_email"),
            ({"email": None}, "missing_email"),
            ({"Email": ADA}, "missing_email"),
            ({"email": "ada"}, "invalid_email"),
            ({"email": f"{ADA}\n"}, "invalid_email"),
            ({"email": "\ud800@example.com"}, "malformed_body"),
            ({"email": ADA, "channel": "fax"}, "unsupported_channel"),
            ({"email": ADA, "channel": "EMAIL"}, "unsupported_channel"),
        ],
    )
    def test_what_is_wrong_with_a_field_is_said(self, body: object, code: str) -> None:
        with pytest.raises(errors.BadRequest) as refused:
            json_api.parse_issue(posted(body))
        assert refused.value.code == code

    @pytest.mark.parametrize("locale", ["de_DE", "x", "de-", "de\r\nX-Evil: 1", "*", "de;q=1, en"])
    def test_a_locale_is_a_language_tag(self, locale: str) -> None:
        with pytest.raises(errors.BadRequest) as refused:
            json_api.parse_issue(posted({"email": ADA, "locale": locale}))
        assert (refused.value.code, refused.value.detail) == (
            "malformed_body",
            "locale is not a language tag.",
        )


class TestVerifyRequests:
    def test_a_challenge_and_its_code(self) -> None:
        body = {"challenge_id": "ch_one", "code": "123 456"}
        request = json_api.parse_verify(posted(body))
        assert (request.challenge_id, request.code, request.email) == ("ch_one", "123456", None)

    def test_an_email_and_its_code(self) -> None:
        request = json_api.parse_verify(posted({"email": ADA, "otp": "123456"}))
        assert (request.challenge_id, request.code, request.email) == (None, "123456", ADA)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, "missing_email"),
            ({"code": "123456"}, "missing_email"),
            ({"email": ADA}, "missing_code"),
            ({"email": ADA, "code": "123456"}, "missing_code"),
            ({"email": ADA, "otp": "12345"}, "invalid_code_format"),
            ({"email": "ada", "otp": "123456"}, "invalid_email"),
            ({"challenge_id": "ch_one"}, "missing_code"),
            ({"challenge_id": "ch_one", "otp": "123456"}, "missing_code"),
            (
                {"challenge_id": "ch_one", "code": "\uff11\uff12\uff13\uff14\uff15\uff16"},
                "invalid_code_format",
            ),
            ({"challenge_id": "", "code": "123456"}, "missing_email"),
        ],
    )
    def test_what_is_wrong_with_a_field_is_said(self, body: object, code: str) -> None:
        with pytest.raises(errors.BadRequest) as refused:
            json_api.parse_verify(posted(body))
        assert refused.value.code == code


class TestBodies:
    @pytest.mark.parametrize(
        ("text", "detail"),
        [
            ("", "The body is not JSON."),
            ("{", "The body is not JSON."),
            ('{"email": }', "The body is not JSON."),
            ("email=ada@example.com", "The body is not JSON."),
            ("1" * 5000, "The body is not JSON."),
            ("[" * 8000, "The body is not JSON."),
            ('{"a":' * 1600, "The body is not JSON."),
            ("[]", "The body is not a JSON object."),
            (json.dumps([{"email": ADA}]), "The body is not a JSON object."),
            (json.dumps(ADA), "The body is not a JSON object."),
            ("null", "The body is not a JSON object."),
            ("true", "The body is not a JSON object."),
            ("42", "The body is not a JSON object."),
            ("NaN", "The body is not a JSON object."),
            ('{"email": NaN}', "email is not a string."),
            ('{"email": 42}', "email is not a string."),
            ('{"email": true}', "email is not a string."),
            ('{"email": false}', "email is not a string."),
            ('{"email": ["ada@example.com"]}', "email is not a string."),
            ('{"email": {"$ne": ""}}', "email is not a string."),
            (f'{{"email": "{ADA}", "channel": 0}}', "channel is not a string."),
            (f'{{"email": "{ADA}", "locale": {{}}}}', "locale is not a string."),
            (f'{{"email": "{ADA}", "x": "{"y" * 8192}"}}', "The body is too long."),
        ],
    )
    def test_a_body_that_cannot_be_understood_is_refused(self, text: str, detail: str) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            json_api.parse_issue(posted(text))
        assert (refused.value.code, refused.value.detail) == ("malformed_body", detail)

    @pytest.mark.parametrize("field", ["challenge_id", "code", "email", "otp"])
    def test_a_code_is_text_and_never_a_number(self, field: str) -> None:
        """A number has lost its leading zeros."""
        body = {"challenge_id": "ch_one", "code": "123456"}
        if field in ("email", "otp"):
            body = {"email": ADA, "otp": "123456"}
        with pytest.raises(errors.MalformedBody) as refused:
            json_api.parse_verify(posted({**body, field: 123456}))
        assert refused.value.detail == f"{field} is not a string."

    def test_there_is_no_body_at_all(self) -> None:
        event = posted(None, {"Content-Type": "application/json"})
        with pytest.raises(errors.MalformedBody) as refused:
            json_api.parse_issue(event)
        assert refused.value.code == "malformed_body"

    def test_the_longest_body_is_read(self) -> None:
        text = json.dumps({"email": ADA, "x": ""})
        padded = text.replace('""', f'"{"y" * (json_api.MAX_BODY - len(text))}"')
        assert len(padded) == json_api.MAX_BODY
        assert json_api.parse_issue(posted(padded)).email == ADA

    def test_a_body_in_base64_is_read(self) -> None:
        assert json_api.parse_issue(encoded(json.dumps({"email": ADA}).encode())).email == ADA

    @pytest.mark.parametrize("body", ["not base64!", "A", b"\xff\xfe{}", b'{"email": "\xff"}'])
    def test_base64_of_no_text_is_refused(self, body: bytes | str) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            json_api.parse_issue(encoded(body))
        assert refused.value.detail == "The body is not JSON."

    @pytest.mark.parametrize(
        "content_type",
        ["application/json", "application/json; charset=utf-8", "Application/JSON ;x=y"],
    )
    def test_json_is_announced_in_any_spelling(self, content_type: str) -> None:
        event = posted({"email": ADA}, {"content-TYPE": content_type})
        assert json_api.parse_issue(event).email == ADA

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Content-Type": ""},
            {"Content-Type": "text/plain"},
            {"Content-Type": "text/plain; application/json"},
            {"Content-Type": "application/x-www-form-urlencoded"},
            {"Content-Type": "application/jsonp"},
            {"Content-Type": "multipart/form-data"},
        ],
    )
    def test_a_form_that_any_page_can_send_is_refused(self, headers: dict[str, str]) -> None:
        """These types need no preflight, so that a browser would send them for a strange page."""
        for parse in (json_api.parse_issue, json_api.parse_verify):
            with pytest.raises(errors.UnsupportedMediaType) as refused:
                parse(posted({"email": ADA, "otp": "123456"}, headers))
            assert refused.value.code == "unsupported_media_type"


def body_of(text: str | None) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(text or "")
    return body


class TestAnswers:
    def test_a_challenge_says_all_that_a_form_needs(self) -> None:
        sending = challenge(status=ChallengeStatus.SENDING, sent_at=NOW, expires_at=NOW + 300)
        response = json_api.issued(Issued(sending, resend_at=NOW + 30, attempts_remaining=3))
        assert response.status_code == 202
        assert response.headers["Content-Type"] == "application/json"
        assert body_of(response.body) == {
            "challenge_id": "ch_one",
            "status": "pending",
            "channel": "email",
            "destination": "a•••@example.com",
            "sent_at": "2025-06-15T15:06:40Z",
            "expires_at": "2025-06-15T15:11:40Z",
            "resend_at": "2025-06-15T15:07:10Z",
            "attempts_remaining": 3,
        }

    def test_a_verified_challenge_says_when(self) -> None:
        verified = challenge(status=ChallengeStatus.VERIFIED, verified_at=NOW, channel=Channel.SMS)
        response = json_api.verified(verified)
        assert response.status_code == 200
        assert body_of(response.body) == {
            "challenge_id": "ch_one",
            "status": "verified",
            "channel": "sms",
            "verified_at": "2025-06-15T15:06:40Z",
        }

    def test_an_answer_names_neither_okta_user_nor_factor(self) -> None:
        for response in (
            json_api.issued(Issued(challenge(), NOW, 4)),
            json_api.verified(challenge()),
        ):
            assert challenge().user_id not in (response.body or "")
            assert challenge().factor_id not in (response.body or "")

    def test_any_text_of_oktas_can_be_sent(self) -> None:
        response = json_api.answer(200, {"summary": "Zo\u00eb \ud800"})
        assert response.body == '{"summary":"Zo\u00eb ?"}'


class TestProblems:
    def test_a_problem_has_the_fields_of_rfc_9457_and_a_code(self) -> None:
        response = json_api.error(errors.CustomerNotFound(), REQUEST)
        assert response.status_code == 404
        assert response.headers["Content-Type"] == "application/problem+json"
        assert body_of(response.body) == {
            "type": "urn:customer-verification:customer_not_found",
            "title": "No customer has this email.",
            "status": 404,
            "detail": "No customer has this email.",
            "code": "customer_not_found",
            "request_id": REQUEST_ID,
        }

    @pytest.mark.parametrize(
        ("error", "field", "value"),
        [
            (errors.InvalidCode(attempts_remaining=2), "attempts_remaining", 2),
            (errors.InvalidCode(attempts_remaining=0), "attempts_remaining", 0),
            (errors.AttemptsHeld(retry_after=86400), "retry_after", 86400),
            (errors.OktaNotReached(retry_after=5), "retry_after", 5),
            (
                errors.ChallengeSuperseded(superseded_at=NOW),
                "superseded_at",
                "2025-06-15T15:06:40Z",
            ),
            (errors.MalformedBody("code is not a string."), "detail", "code is not a string."),
        ],
    )
    def test_what_applies_is_said_beside_it(
        self, error: errors.VerificationError, field: str, value: object
    ) -> None:
        response = json_api.error(error, REQUEST)
        body = body_of(response.body)
        assert (response.status_code, body["status"]) == (STATUS[error.code], STATUS[error.code])
        assert (body["code"], body[field]) == (error.code, value)

    def test_a_wait_is_in_the_header_too(self) -> None:
        response = json_api.error(errors.SendLimited(retry_after=30), REQUEST)
        assert (response.status_code, response.headers["Retry-After"]) == (429, "30")

    def test_a_wrong_key_says_how_to_authenticate(self) -> None:
        response = json_api.error(errors.Unauthorized(), REQUEST)
        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")

    def test_what_an_operator_must_mend_stays_in_the_log(self) -> None:
        response = json_api.error(errors.ConfigurationError("TABLE_NAME is not set"), REQUEST)
        assert (response.status_code, body_of(response.body)["code"]) == (500, "internal_error")
        assert "TABLE_NAME" not in (response.body or "")

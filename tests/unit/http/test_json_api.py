"""The JSON dialect: bodies of requests, replies, and RFC 9457 problems."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable

import pytest

from tests.unit.events import REQUEST_ID, posted, proxy_event
from tests.unit.examples import NOW, challenge, rows
from verification import errors
from verification.http import json_api
from verification.http.messages import PROBLEM_JSON, Request
from verification.http.statuses import STATUS
from verification.models import (
    ChallengeStatus,
    Channel,
    Email,
    Hold,
    Issued,
    IssueRequest,
    Lane,
    Verified,
    VerifyRequest,
    WrongCode,
)

ADA = "ada@example.com"
PURPOSE = {"purpose": "pick-up", "reference": "order:1001"}
Parse = Callable[[Request], IssueRequest | VerifyRequest]
BODIES: dict[str, tuple[Parse, dict[str, str]]] = {
    "issue": (json_api.parse_issue, {"email": ADA}),
    "verify by email": (json_api.parse_verify, {"email": ADA, "otp": "123456"}),
    "verify by id": (json_api.parse_verify, {"challenge_id": "ch_one", "code": "123456"}),
}
EVERY_BODY = pytest.mark.parametrize(("parse", "body"), BODIES.values(), ids=BODIES.keys())


def refusal(parse: Callable[[Request], object], body: object) -> tuple[str, str]:
    with pytest.raises(errors.BadRequest) as refused:
        parse(posted(body))
    return refused.value.code, refused.value.detail


class TestIssueRequests:
    def test_an_email_is_enough(self) -> None:
        assert json_api.parse_issue(posted({"email": " Ada@Example.com "})) == IssueRequest(
            Email(ADA), Channel.EMAIL
        )

    def test_every_field_is_read(self) -> None:
        body = {
            **PURPOSE,
            "email": ADA,
            "channel": "sms",
            "locale": "pt-BR",
            "release_hold": True,
            "device_token": "a-token",
        }
        request = json_api.parse_issue(posted(body))
        assert (request.channel, request.locale) == (Channel.SMS, "pt-BR")
        assert (request.releases_hold, request.device_token) == (True, "a-token")

    def test_null_is_absent(self) -> None:
        nulls = dict.fromkeys(("channel", "locale", "release_hold", "device_token", "purpose"))
        assert json_api.parse_issue(posted({"email": ADA, **nulls})) == json_api.parse_issue(
            posted({"email": ADA})
        )

    def test_an_unknown_field_is_ignored(self) -> None:
        assert json_api.parse_issue(posted({"email": ADA, "user_id": "00u1"})).email == ADA

    @pytest.mark.parametrize(
        ("body", "code"),
        rows(
            {
                "missing_email": [{}, {"email": ""}, {"email": None}, {"Email": ADA}],
                "invalid_email": [{"email": "ada"}, {"email": f"{ADA}\n"}],
                "malformed_body": [{"email": "\ud800@example.com"}, {"email": ADA, "locale": "_"}],
                "unsupported_channel": [{"email": ADA, "channel": x} for x in ("EMAIL", "totp")],
            }
        ),
    )
    def test_a_wrong_field_has_its_own_code(self, body: object, code: str) -> None:
        assert refusal(json_api.parse_issue, body)[0] == code

    @pytest.mark.parametrize("flag", ["true", 1, 0, "", [], {}])
    def test_a_flag_is_true_or_false(self, flag: object) -> None:
        told = ("malformed_body", "release_hold must be true or false.")
        assert refusal(json_api.parse_issue, {"email": ADA, "release_hold": flag}) == told


class TestVerifyRequests:
    def test_a_challenge_and_its_code(self) -> None:
        body = {"challenge_id": "ch_one", "code": "123 456", "device_token": "a-token"}
        request = json_api.parse_verify(posted(body))
        assert (request.challenge_id, request.code, request.email) == ("ch_one", "123456", None)
        assert (request.remembers_device, request.device_token) == (True, "a-token")

    def test_an_email_and_its_code(self) -> None:
        request = json_api.parse_verify(posted({"email": ADA, "otp": "123456"}))
        assert (request.challenge_id, request.code, request.email) == (None, "123456", ADA)

    def test_an_email_beside_a_challenge_is_read_and_checked(self) -> None:
        body = {"challenge_id": "ch_one", "code": "123456", "email": "ADA@example.com"}
        assert json_api.parse_verify(posted(body)).email == ADA
        assert refusal(json_api.parse_verify, {**body, "email": "ada"})[0] == "invalid_email"

    @pytest.mark.parametrize("name", ["code", "otp"])
    @pytest.mark.parametrize("whose", [{"challenge_id": "ch_one"}, {"email": ADA}])
    def test_the_code_may_have_either_name(self, name: str, whose: dict[str, str]) -> None:
        assert json_api.parse_verify(posted({**whose, name: "123456"})).code == "123456"

    @pytest.mark.parametrize(
        ("body", "code"),
        rows(
            {
                "missing_email": [{}, {"code": "123456"}, {"challenge_id": "", "code": "123456"}],
                "missing_code": [{"email": ADA}, {"challenge_id": "ch_one"}],
                "invalid_code_format": [{"email": ADA, "otp": "12345"}],
                "invalid_email": [{"email": "ada", "otp": "123456"}],
            }
        ),
    )
    def test_a_wrong_field_has_its_own_code(self, body: object, code: str) -> None:
        assert refusal(json_api.parse_verify, body)[0] == code

    def test_it_is_said_that_either_a_challenge_or_an_email_is_missing(self) -> None:
        told = ("missing_email", "challenge_id or email is required.")
        assert refusal(json_api.parse_verify, {"code": "123456"}) == told

    @pytest.mark.parametrize("field", ["challenge_id", "code", "email", "otp", "device_token"])
    def test_a_number_is_refused_because_it_has_lost_its_leading_zeros(self, field: str) -> None:
        body = {"challenge_id": "ch_one", "otp" if field == "otp" else "code": "123456"}
        told = ("malformed_body", f"{field} is not a string.")
        assert refusal(json_api.parse_verify, {**body, field: 123456}) == told


class TestPurposes:
    @EVERY_BODY
    def test_a_purpose_and_a_reference_are_read(self, parse: Parse, body: dict[str, str]) -> None:
        request = parse(posted({**body, **PURPOSE}))
        assert (request.purpose, request.reference) == ("pick-up", "order:1001")

    @EVERY_BODY
    @pytest.mark.parametrize("nothing", [None, ""])
    def test_null_and_empty_are_no_purpose(
        self, parse: Parse, body: dict[str, str], nothing: str | None
    ) -> None:
        request = parse(posted({**body, "purpose": nothing, "reference": nothing}))
        assert request == parse(posted(body))
        assert (request.purpose, request.reference) == (None, None)

    @EVERY_BODY
    @pytest.mark.parametrize("field", ["purpose", "reference"])
    @pytest.mark.parametrize("value", ["pick up", 42])
    def test_the_detail_names_the_wrong_label(
        self, parse: Parse, body: dict[str, str], field: str, value: object
    ) -> None:
        code, detail = refusal(parse, {**body, field: value})
        assert (code, detail.split()[0]) == ("malformed_body", field)


class TestPaths:
    @pytest.mark.parametrize(
        ("segment", "email"),
        [
            ("ada@example.com", ADA),
            ("ada%40example.com", ADA),
            ("Ada%40Example.com", ADA),
            ("%61da%40example.com", ADA),
            ("a%41da@example.com", "a%41da@example.com"),  # the address itself has the percent
        ],
    )
    def test_an_email_in_a_path_is_read_decoded_or_not(self, segment: str, email: str) -> None:
        assert json_api.parse_email_path(posted(None, path_parameters={"email": segment})) == email

    @pytest.mark.parametrize(
        ("segment", "code"),
        [("", "missing_email"), ("a%2540x.example", "invalid_email"), ("a%0a", "invalid_email")],
    )
    def test_an_email_in_a_path_is_checked_like_any(self, segment: str, code: str) -> None:
        with pytest.raises(errors.BadRequest) as refused:
            json_api.parse_email_path(posted(None, path_parameters={"email": segment}))
        assert refused.value.code == code

    @pytest.mark.parametrize("segment", ["", "..", "a/b", "00u%2F", "me?x", "x" * 65])
    def test_a_customer_s_id_is_letters_and_digits(self, segment: str) -> None:
        given = posted(None, path_parameters={"id": "00u1"})
        assert json_api.parse_customer_path(given) == "00u1"
        with pytest.raises(errors.CustomerNotFound):
            json_api.parse_customer_path(posted(None, path_parameters={"id": segment}))


class TestBodies:
    @pytest.mark.parametrize(
        ("text", "detail"),
        rows(
            {
                "The body is not JSON.": [
                    *(None, "{", "email=ada@example.com", '{"email": "\\ud800"}'),
                    *("1" * 5000, "[" * 8000, '{"a":' * 1600),
                ],
                "The body is not a JSON object.": [
                    "[]",
                    '"ada@example.com"',
                    "null",
                    "true",
                    "NaN",
                ],
                "email is not a string.": [
                    *('{"email": NaN}', '{"email": 42}', '{"email": false}'),
                    *('{"email": ["ada@example.com"]}', '{"email": {"$ne": ""}}'),
                ],
                "channel is not a string.": ['{"email": "ada@example.com", "channel": 0}'],
                "The body is too long.": [f'{{"email": "{ADA}", "x": "{"y" * 8192}"}}'],
            }
        ),
    )
    def test_the_detail_says_what_is_wrong(self, text: str | None, detail: str) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            json_api.parse_issue(posted(text, {"Content-Type": "application/json"}))
        assert (refused.value.code, refused.value.detail) == ("malformed_body", detail)

    def test_the_longest_body_is_read(self) -> None:
        text = json.dumps({"email": ADA, "x": ""})
        padded = text.replace('""', f'"{"y" * (json_api.MAX_BODY - len(text))}"')
        assert len(padded) == json_api.MAX_BODY
        assert json_api.parse_issue(posted(padded)).email == ADA

    def test_a_body_in_base64_is_read(self) -> None:
        event = proxy_event("POST", "/", body=b64encode(b'{"email": "%b"}' % ADA.encode()).decode())
        assert json_api.parse_issue(Request.of(event | {"isBase64Encoded": True})).email == ADA

    @pytest.mark.parametrize(
        "content_type",
        ["application/json", "application/json; charset=utf-8", "Application/JSON ;x=y"],
    )
    def test_the_content_type_may_have_parameters(self, content_type: str) -> None:
        given = posted({"email": ADA}, {"content-TYPE": content_type})
        assert json_api.parse_issue(given).email == ADA

    @pytest.mark.parametrize(
        "content_type",
        ["", "text/plain", "text/plain; application/json", "multipart/form-data", "application/x"],
    )
    def test_a_content_type_that_needs_no_preflight_is_refused(self, content_type: str) -> None:
        """A browser would send it for a page of any origin."""
        for headers in ({"Content-Type": content_type}, {}):
            with pytest.raises(errors.UnsupportedMediaType) as refused:
                json_api.parse_object(posted({"email": ADA}, headers))
            assert refused.value.code == "unsupported_media_type"


class TestReplies:
    def test_a_challenge_has_all_that_a_form_needs(self) -> None:
        sending = challenge(status=ChallengeStatus.SENDING, sent_at=NOW, expires_at=NOW + 300)
        reply = json_api.issued(Issued(sending, resend_at=NOW + 30, attempts_remaining=3))
        assert (reply.status, reply.outcome) == (202, "sent")
        assert reply.content_type == "application/json"
        assert json.loads(reply.body) == {
            "challenge_id": "ch_one",
            "status": "pending",
            "channel": "email",
            "destination": "a•••@example.com",
            "sent_at": "2025-06-15T15:06:40Z",
            "expires_at": "2025-06-15T15:11:40Z",
            "expires_in": 300,
            "resend_at": "2025-06-15T15:07:10Z",
            "resend_in": 30,
            "attempts_remaining": 3,
        }

    def test_a_send_that_is_carried_out_later_is_accepted_without_attempts(self) -> None:
        reply = json_api.issued(Issued(challenge(), NOW, None, was_sent=False))
        assert (reply.status, reply.outcome) == (202, "accepted")
        assert "attempts_remaining" not in json.loads(reply.body)

    def test_a_verified_challenge_says_when_and_what_for(self) -> None:
        verified = challenge(
            status=ChallengeStatus.VERIFIED, verified_at=NOW, channel=Channel.SMS, **PURPOSE
        )
        reply = json_api.verified(Verified(verified, "00u1", "a-token"))
        assert (reply.status, reply.outcome) == (200, "verified")
        assert json.loads(reply.body) == {
            "challenge_id": "ch_one",
            "status": "verified",
            "channel": "sms",
            "verified_at": "2025-06-15T15:06:40Z",
            "purpose": "pick-up",
            "reference": "order:1001",
            "customer_id": "00u1",
            "device_token": "a-token",
        }

    def test_a_verified_challenge_has_only_what_applies(self) -> None:
        body = json.loads(json_api.verified(Verified(challenge(verified_at=NOW))).body)
        assert body.keys() == {"challenge_id", "status", "channel", "verified_at"}

    def test_a_reply_names_neither_the_user_nor_the_factor(self) -> None:
        target = challenge().target
        assert target is not None
        for reply in (
            json_api.issued(Issued(challenge(), NOW, 4)),
            json_api.verified(Verified(challenge())),
        ):
            for secret in (target.user_id, target.factor_id, target.customer):
                assert secret not in reply.body

    def test_a_hold_says_which_lanes_since_when_and_why(self) -> None:
        wrong = (WrongCode(NOW, Lane.STRANGER), WrongCode(NOW + 5, Lane.CLIENT))
        reply = json_api.hold(Hold((Lane.STRANGER,), NOW + 5, wrong))
        assert (reply.status, json.loads(reply.body)) == (
            200,
            {
                "held": True,
                "lanes": ["stranger"],
                "since": "2025-06-15T15:06:45Z",
                "reason": "wrong_codes",
                "wrong_codes": [
                    {"at": "2025-06-15T15:06:40Z", "lane": "stranger"},
                    {"at": "2025-06-15T15:06:45Z", "lane": "client"},
                ],
            },
        )

    def test_no_hold_has_neither_a_time_nor_a_reason(self) -> None:
        reply = json_api.hold(Hold((), None, ()))
        assert json.loads(reply.body) == {"held": False, "lanes": [], "wrong_codes": []}

    def test_ended_devices_have_no_body(self) -> None:
        reply = json_api.devices_ended()
        assert (reply.status, reply.body, reply.outcome) == (204, "", "devices_ended")

    def test_any_text_of_okta_s_can_be_rendered(self) -> None:
        reply = json_api.answer(200, {"summary": "Zo\u00eb \ud800"}, "sent")
        assert reply.body == '{"summary":"Zo\u00eb ?"}'


class TestProblems:
    def test_a_problem_has_the_fields_of_rfc_9457_and_a_code(self) -> None:
        reply = json_api.error(errors.CustomerNotFound(), posted({}))
        assert (reply.status, reply.content_type) == (404, PROBLEM_JSON)
        assert (reply.outcome, reply.headers) == ("customer_not_found", {})
        assert json.loads(reply.body) == {
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
    def test_a_problem_has_the_fields_that_apply(
        self, error: errors.VerificationError, field: str, value: object
    ) -> None:
        reply = json_api.error(error, posted({}))
        body = json.loads(reply.body)
        assert (reply.status, body["status"]) == (STATUS[error.code], STATUS[error.code])
        assert (body["code"], body[field]) == (error.code, value)

    @pytest.mark.parametrize(
        ("causes", "detail"),
        [
            (
                [{"errorSummary": "login: too short."}, {"errorSummary": "email: odd."}],
                "login: too short. email: odd.",
            ),
            ([], errors.CustomerInvalid.title),
            (["odd", {}], errors.CustomerInvalid.title),
            (None, errors.CustomerInvalid.title),
        ],
    )
    def test_a_registration_is_told_what_okta_has_against_it(
        self, causes: object, detail: str
    ) -> None:
        refused = errors.CustomerInvalid(okta_error={"status": 400, "errorCauses": causes})
        stopped = errors.RegistrationStopped(refused)
        for error in (refused, stopped):
            assert json.loads(json_api.error(error, posted({})).body)["detail"] == detail

    def test_nobody_else_is_told_okta_s_causes(self) -> None:
        known = {"status": 403, "errorCauses": [{"errorSummary": "ada@example.com is locked."}]}
        reply = json_api.error(errors.CustomerLocked(okta_error=known), posted({}))
        assert json.loads(reply.body)["detail"] == errors.CustomerLocked.title

    @pytest.mark.parametrize(
        ("error", "headers"),
        [
            (errors.SendLimited(retry_after=30), {"Retry-After": "30"}),
            (errors.Unauthorized(), {"WWW-Authenticate": "Bearer"}),
            (errors.InvalidCode(), {}),
        ],
    )
    def test_headers_say_when_to_come_back_and_how_to_authenticate(
        self, error: errors.VerificationError, headers: dict[str, str]
    ) -> None:
        reply = json_api.error(error, posted({}))
        assert reply.headers == headers
        assert "attempts_remaining" not in json.loads(reply.body)

"""The MFA dialect: what WorkOS's client libraries send, and what they understand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.events import posted, posted_to
from tests.unit.examples import NOW, challenge, every_outcome, factor
from verification import errors
from verification.frozen import replace
from verification.http import workos
from verification.http.messages import Reply, Request
from verification.http.workos import EnrollRequest
from verification.models.challenges import Issued, Origin, Verified
from verification.models.customers import (
    Channel,
    EmailHash,
    Enrolled,
    FactorRef,
    FactorStatus,
    FactorType,
)

ADA = "ada@example.com"
TIME = "2025-06-15T15:06:40.000Z"
CHALLENGE = challenge(sent_at=NOW, expires_at=NOW + 300, factor_ref="ref")
CODES = "authentication_challenge"
VERIFIED = "The authentication challenge 'x' has already been verified."
EXPIRED = "The authentication challenge 'x' has expired."
REF = FactorRef("00u1", "ufs1", EmailHash("0e" * 16), NOW, "Shop", "ada")
TOTP, SMS, EMAIL = FactorType.TOTP, FactorType.SMS, FactorType.EMAIL


def refusal(parse: Any, request: Request) -> dict[str, Any]:
    """How a request that cannot be parsed is refused, with its status."""
    with pytest.raises(errors.BadRequest) as refused:
        parse(request)
    return told(refused.value)


def told(error: errors.VerificationError, identifier: str = "auth_challenge_x") -> dict[str, Any]:
    """An error as the caller gets it, with its status."""
    reply = workos.error(error, posted_to(identifier, {}))
    assert (reply.content_type, reply.outcome) == ("application/json", error.code)
    return {"status": reply.status, **json.loads(reply.body)}


def body_of(reply: Reply, status: int, outcome: str) -> dict[str, Any]:
    """The body of a reply that is as expected otherwise."""
    assert (reply.status, reply.outcome) == (status, outcome)
    body: dict[str, Any] = json.loads(reply.body)
    return body


class TestEnrollRequests:
    @pytest.mark.parametrize(
        ("kind", "fields", "parsed"),
        [
            ("totp", {"totp_issuer": "Shop", "totp_user": ADA}, (TOTP, ADA, "Shop", ADA)),
            ("totp", {"totp_user": "Ada", "user_id": "00u1"}, (TOTP, "00u1", "", "Ada")),
            ("totp", {"totp_user": None, "user_id": "00u1"}, (TOTP, "00u1", "", "00u1")),
            ("sms", {"phone_number": "+1 500 555 0006"}, (SMS, "", "", "", "+15005550006")),
            ("sms", {"phone_number": "16073517112"}, (SMS, "", "", "", "+16073517112")),
            ("sms", {"phone_number": "1 607-351-7112"}, (SMS, "", "", "", "+16073517112")),
            (
                "sms",
                {"phone_number": "+15005550006", "user_id": "00u1"},
                (SMS, "00u1", "", "", "+15005550006"),
            ),
            ("email", {"email": ADA}, (EMAIL, ADA)),
            ("email", {"user_id": "00u1"}, (EMAIL, "00u1")),
        ],
    )
    def test_each_type_has_what_it_needs(
        self, kind: str, fields: dict[str, object], parsed: tuple[Any, ...]
    ) -> None:
        assert workos.parse_enroll(posted({"type": kind, **fields})) == EnrollRequest(*parsed)

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "type"),
            ({"type": "generic_otp"}, "type"),
            ({"type": "call"}, "type"),
            ({"type": 1}, "type"),
            ({"type": "totp"}, "totp_user"),
            ({"type": "totp", "totp_user": [ADA]}, "totp_user"),
            ({"type": "totp", "totp_user": "x" * 255}, "totp_user"),
            ({"type": "totp", "totp_user": ADA, "totp_issuer": 5}, "totp_issuer"),
            ({"type": "totp", "totp_user": ADA, "totp_issuer": "\u5e97" * 254}, "totp_issuer"),
            ({"type": "sms"}, "phone_number"),
            ({"type": "email"}, "email"),
            ([], ""),
            ("{", ""),
        ],
    )
    def test_the_error_names_the_wrong_field(self, body: object, field: str) -> None:
        refused = refusal(workos.parse_enroll, posted(body))
        assert (refused["status"], refused["code"]) == (422, "invalid_request_parameters")
        message = refused["message"]
        assert refused["errors"] == [{"code": message, "message": message, "field": field}]

    def test_a_refusal_that_is_not_about_a_field_has_its_outcome(self) -> None:
        refused = told(errors.CustomerInactive())
        assert [each["code"] for each in refused["errors"]] == ["customer_inactive"]

    @pytest.mark.parametrize(
        "number",
        ["foo", "6073517112", "4915112345678", "11073517112", "160735171120", "1607351711"],
    )
    def test_a_wrong_phone_number_is_repeated_as_workos_does(self, number: str) -> None:
        refused = refusal(workos.parse_enroll, posted({"type": "sms", "phone_number": number}))
        assert (refused["status"], refused["code"]) == (422, "invalid_phone_number")
        assert refused["message"] == f"Phone number is invalid: '{number}'"


class TestFactorAndChallengeRequests:
    @pytest.mark.parametrize(
        ("given", "ref_id"),
        [("auth_factor_abc", "abc"), ("abc", ""), ("auth_challenge_abc", ""), ("..", ""), ("", "")],
    )
    def test_only_a_factor_s_id_has_its_prefix(self, given: str, ref_id: str) -> None:
        assert workos.parse_factor(posted_to(given, None)) == ref_id

    def test_a_challenge_may_have_a_text(self) -> None:
        template = "Your code: {{code}}"
        for body, text in (({}, None), ({"sms_template": template}, template)):
            parsed = workos.parse_challenge(posted_to("auth_factor_abc", body))
            assert parsed == workos.ChallengeRequest("abc", text)

    @pytest.mark.parametrize("body", ["", " ", "null", "null\n"])
    def test_a_challenge_needs_no_body(self, body: str) -> None:
        request = replace(posted_to("auth_factor_abc", {}), raw_body=body)
        assert workos.parse_challenge(request) == workos.ChallengeRequest("abc", None)

    @pytest.mark.parametrize("body", ["[]", "{", '"abc"', "false", "0"])
    def test_a_body_that_is_there_is_an_object(self, body: str) -> None:
        request = replace(posted_to("auth_factor_abc", {}), raw_body=body)
        refused = refusal(workos.parse_challenge, request)
        assert (refused["status"], refused["code"]) == (422, "invalid_request_parameters")

    def test_a_wrong_text_is_named(self) -> None:
        for text in ("no code", "{{code}}" + "x" * 160, 5):
            request = posted_to("auth_factor_abc", {"sms_template": text})
            refused = refusal(workos.parse_challenge, request)
            assert (refused["status"], refused["errors"][0]["field"]) == (422, "sms_template")

    def test_a_code_is_checked_for_a_challenge_of_these_routes(self) -> None:
        request = workos.parse_verify(posted_to("auth_challenge_abc", {"code": "123 456"}))
        assert (request.challenge_id, request.code) == ("ch_abc", "123456")
        assert (request.origin, request.remembers_device) == (Origin.MFA, False)
        assert workos.parse_verify(posted_to("ch_abc", {"code": "123456"})).challenge_id == "ch_"

    def test_a_wrong_code_is_named(self) -> None:
        for code in (None, "", "12345", "12345x", 123456):
            refused = refusal(workos.parse_verify, posted_to("auth_challenge_abc", {"code": code}))
            assert (refused["status"], refused["errors"][0]["field"]) == (422, "code")

    @pytest.mark.parametrize("receipt", ["true", 1, {}])
    def test_a_wrong_flag_is_named(self, receipt: object) -> None:
        body = {"code": "123456", "receipt": receipt}
        refused = refusal(workos.parse_verify, posted_to("auth_challenge_abc", body))
        assert (refused["status"], refused["errors"][0]["field"]) == (422, "receipt")

    @pytest.mark.parametrize(
        ("kind", "field"), [("email", "email"), ("totp", "totp_user"), ("totp", "totp_issuer")]
    )
    def test_a_field_is_checked_even_if_another_decides(self, kind: str, field: str) -> None:
        body = {"type": kind, "user_id": "ada@example.com", field: "x" * 255}
        refused = refusal(workos.parse_enroll, posted_to("", body))
        assert refused["errors"][0]["field"] == field


class TestReplies:
    @pytest.mark.parametrize(
        "name", ["x" * 254, "\u5e97" * 87, "\U0001f600" * 65], ids=["ascii", "han", "emoji"]
    )
    def test_the_longest_names_fit_into_a_picture(self, name: str) -> None:
        body = {"type": "totp", "user_id": ADA, "totp_issuer": name, "totp_user": name}
        asked = workos.parse_enroll(posted(body))
        ref = replace(REF, issuer=asked.issuer, label=asked.label)
        enrolled = workos.enrolled(Enrolled("ref", ref, factor(TOTP), "A" * 512))
        assert body_of(enrolled, 201, "enrolled")["totp"]["qr_code"].startswith("data:image/png")

    def test_an_authenticator_app_is_shown_with_its_secret_once(self) -> None:
        enrolled = Enrolled("ref", REF, factor(TOTP), "JBSWY3DPEHPK3PXP")
        body = body_of(workos.enrolled(enrolled), 201, "enrolled")
        totp = body.pop("totp")
        assert body == {
            "object": "authentication_factor",
            "id": "auth_factor_ref",
            "type": "totp",
            "created_at": TIME,
            "updated_at": TIME,
        }
        named = {"issuer": "Shop", "user": "ada"}
        assert totp.pop("qr_code").startswith("data:image/png;base64,")
        assert totp == {
            **named,
            "secret": "JBSWY3DPEHPK3PXP",
            "uri": "otpauth://totp/Shop:ada?secret=JBSWY3DPEHPK3PXP&issuer=Shop",
        }
        again = workos.factor(Enrolled("ref", REF, factor(TOTP)))
        assert (again.status, json.loads(again.body)["totp"]) == (200, named)

    @pytest.mark.parametrize(
        ("kind", "destination", "block"),
        [
            (SMS, "+15005550006", {"sms": {"phone_number": "+15005550006"}}),
            (EMAIL, ADA, {"email": {"email": ADA}}),
            (FactorType.PUSH, ADA, {"type": "push"}),
        ],
    )
    def test_a_factor_has_a_block_named_after_its_type(
        self, kind: FactorType, destination: str, block: dict[str, object]
    ) -> None:
        times = {"created": "2025-01-01T00:00:00.000Z", "updated": "2025-01-02T00:00:00.000Z"}
        given = factor(kind, FactorStatus.ACTIVE, destination=destination, **times)
        body = json.loads(workos.enrolled(Enrolled("ref", REF, given)).body)
        assert body.items() >= block.items()
        assert (body["created_at"], body["updated_at"]) == tuple(times.values())

    def test_a_removed_factor_has_no_body(self) -> None:
        reply = workos.deleted()
        assert (reply.status, reply.body, reply.outcome) == (204, "", "removed")

    def test_a_challenge_says_when_it_ends_unless_it_is_an_authenticator_app_s(self) -> None:
        assert body_of(workos.challenged(Issued(CHALLENGE, NOW)), 201, "sent") == {
            "object": "authentication_challenge",
            "id": "auth_challenge_one",
            "created_at": TIME,
            "updated_at": TIME,
            "expires_at": "2025-06-15T15:11:40.000Z",
            "authentication_factor_id": "auth_factor_ref",
        }
        of_app = workos.challenged(Issued(challenge(channel=Channel.TOTP), NOW))
        assert "expires_at" not in json.loads(of_app.body)

    def test_a_right_and_a_wrong_code_are_201(self) -> None:
        right = body_of(workos.verified(Verified(CHALLENGE)), 201, "verified")
        error = errors.InvalidCode(challenge=CHALLENGE)
        wrong = body_of(workos.error(error, posted_to("auth_challenge_one", {})), 201, error.code)
        assert (right["valid"], wrong["valid"]) == (True, False)
        assert right["challenge"]["id"] == wrong["challenge"]["id"] == "auth_challenge_one"


class TestErrors:
    def test_every_body_has_a_message_and_a_code(self) -> None:
        for body in map(told, every_outcome()):
            assert 400 <= body["status"] <= 504
            assert body["message"]
            assert body["code"]
            assert "TABLE_NAME" not in json.dumps(body)

    @pytest.mark.parametrize(
        ("error", "status", "code", "message"),
        [
            (errors.Unauthorized(), 401, "unauthorized", "The client key is not valid."),
            (errors.Forbidden(), 403, "forbidden", "This client may not do this."),
            (errors.ChallengeNotFound(), 404, None, "Authentication Challenge not found: 'x'."),
            (errors.FactorNotEnrolled(), 404, None, "Authentication Factor not found: 'x'."),
            (errors.CustomerNotFound(), 404, None, "User not found."),
            (errors.ChallengeAlreadyVerified(), 422, f"{CODES}_previously_verified", VERIFIED),
            (errors.ChallengeExpired(), 422, f"{CODES}_expired", EXPIRED),
            (errors.ChallengeSuperseded(superseded_at=NOW), 422, f"{CODES}_expired", EXPIRED),
            (errors.CustomerLocked("why"), 422, "invalid_request_parameters", "why"),
            (errors.OktaNotReached("why"), 503, "okta_unavailable", "why"),
        ],
    )
    def test_an_outcome_has_workos_s_code_with_the_same_meaning(
        self, error: errors.VerificationError, status: int, code: str | None, message: str
    ) -> None:
        body = told(error, "x")
        assert (body["status"], body["message"]) == (status, message)
        assert body["code"] == (code or "entity_not_found")
        assert ("entity_id" in body) == (code is None)

    @pytest.mark.parametrize(
        "error", [errors.AttemptsHeld(retry_after=60), errors.ChallengeExhausted()]
    )
    def test_used_up_attempts_are_no_429_because_clients_repeat_that(
        self, error: errors.VerificationError
    ) -> None:
        body = told(error)
        assert (body["status"], body["code"]) == (400, "one_time_code_too_many_attempts")

    @pytest.mark.parametrize("kind", [errors.SendLimited, errors.RateLimited])
    def test_a_limit_says_when_to_come_back(self, kind: type[errors.TryLater]) -> None:
        reply = workos.error(kind(retry_after=30), posted_to("x", {}))
        assert (reply.status, reply.headers) == (429, {"Retry-After": "30"})
        assert json.loads(reply.body)["code"] == "rate_limit_exceeded"

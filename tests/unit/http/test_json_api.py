"""The JSON dialect: bodies of requests, replies, and RFC 9457 problems."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.events import JSON_HEADERS, REQUEST_ID, posted
from tests.unit.examples import NOW, challenge, rows
from verification import errors
from verification.frozen import replace
from verification.http import json_api
from verification.http.messages import PROBLEM_JSON, Reply, Request
from verification.http.statuses import STATUS
from verification.models.callers import Lane
from verification.models.challenges import (
    AwaitRequest,
    ChallengeStatus,
    Code,
    Issued,
    IssueRequest,
    Pending,
    Verified,
    VerifyRequest,
)
from verification.models.customers import Channel, Email
from verification.models.states import Hold, WrongCode

ADA = "ada@example.com"
TIME = "2025-06-15T15:06:40Z"
PURPOSE = {"purpose": "pick-up", "reference": "order:1001"}
Parse = Callable[[Request], IssueRequest | VerifyRequest | AwaitRequest]
BODIES: dict[str, tuple[Parse, dict[str, str]]] = {
    "issue": (json_api.parse_issue, {"email": ADA}),
    "verify by email": (json_api.parse_verify, {"email": ADA, "otp": "123456"}),
    "verify by id": (json_api.parse_verify, {"challenge_id": "ch_one", "code": "123456"}),
}
EVERY_BODY = pytest.mark.parametrize(("parse", "body"), BODIES.values(), ids=BODIES.keys())


def refusal(parse: Callable[[Request], object], body: object, **more: Any) -> tuple[str, str]:
    """The code and the detail of a refused request."""
    with pytest.raises(errors.BadRequest) as refused:
        parse(posted(body, **more))
    return refused.value.code, refused.value.detail


def body_of(reply: Reply, status: int, outcome: str) -> dict[str, Any]:
    """The body of a reply that is as expected otherwise."""
    assert (reply.status, reply.outcome) == (status, outcome)
    assert reply.content_type == "application/json"
    body: dict[str, Any] = json.loads(reply.body)
    return body


class TestIssueRequests:
    def test_an_email_is_enough_and_unknown_fields_are_ignored(self) -> None:
        request = json_api.parse_issue(posted({"email": " Ada@Example.com ", "user_id": "00u1"}))
        assert request == IssueRequest(Email(ADA), Channel.EMAIL)

    def test_every_field_is_read(self) -> None:
        fields = {"channel": "sms", "locale": "pt-BR", "release_hold": True, "device_token": "t"}
        request = json_api.parse_issue(posted({"email": ADA, **fields}))
        assert (request.channel, request.locale) == (Channel.SMS, "pt-BR")
        assert (request.releases_hold, request.device_token) == (True, "t")

    def test_any_channel_and_a_fallback_can_be_asked_for(self) -> None:
        request = json_api.parse_issue(posted({"email": ADA, "channel": "any", "fallback": True}))
        assert (request.channel, request.falls_back) == (None, True)

    def test_null_is_absent(self) -> None:
        nulls = dict.fromkeys(("channel", "locale", "release_hold", "device_token"))
        assert json_api.parse_issue(posted({"email": ADA, **nulls})) == IssueRequest(Email(ADA))

    @pytest.mark.parametrize(
        ("body", "code"),
        rows(
            {
                "missing_email": [{}, {"email": ""}, {"email": None}, {"Email": ADA}],
                "invalid_email": [{"email": "ada"}, {"email": f"{ADA}\n"}],
                "malformed_body": [{"email": "\ud800@example.com"}, {"email": ADA, "locale": "_"}],
                "unsupported_channel": [{"email": ADA, "channel": x} for x in ("EMAIL", "Any")],
            }
        ),
    )
    def test_a_wrong_field_has_its_own_code(self, body: object, code: str) -> None:
        assert refusal(json_api.parse_issue, body)[0] == code

    def test_a_flag_is_true_or_false(self) -> None:
        told = ("malformed_body", "release_hold must be true or false.")
        flags: list[object] = ["true", 1, 0, "", [], {}]
        for flag in flags:
            assert refusal(json_api.parse_issue, {"email": ADA, "release_hold": flag}) == told

    @pytest.mark.parametrize(("seconds", "read"), [(900, 900), (900.0, 900), (10**30, 10**30)])
    def test_seconds_are_a_whole_number(self, seconds: float, read: int) -> None:
        body = {"email": ADA, "receipt_seconds": seconds}
        assert json_api.parse_issue(posted(body)).receipt_seconds == read

    @pytest.mark.parametrize("seconds", [0, -1, 1.5, True, "900"])
    def test_other_seconds_are_refused(self, seconds: object) -> None:
        told = ("malformed_body", "receipt_seconds must be a whole number from 1.")
        assert refusal(json_api.parse_issue, {"email": ADA, "receipt_seconds": seconds}) == told


class TestVerifyRequests:
    def test_a_challenge_and_its_code(self) -> None:
        body = {"challenge_id": "ch_one", "code": "123 456", "device_token": "t"}
        request = json_api.parse_verify(posted(body))
        assert request == VerifyRequest(
            Code("123456"),
            "ch_one",
            remembers_device=True,
            device_token="t",
            takes_receipt=True,
        )

    def test_a_challenge_alone_asks_about_a_push(self) -> None:
        body = {"challenge_id": "ch_one", "email": ADA, "device_token": "t", "receipt": True}
        asked = AwaitRequest("ch_one", Email(ADA), "pick-up", "order:1001", "t", wants_receipt=True)
        request = json_api.parse_verify(posted({**body, **PURPOSE}))
        assert request == replace(asked, must_be_push=True)

    def test_a_look_at_a_challenge_has_its_purpose_in_the_query(self) -> None:
        path = {"path_parameters": {"id": "ch_one"}}
        request = posted({}, **path, query=PURPOSE.items())
        asked = AwaitRequest("ch_one", purpose="pick-up", reference="order:1001")
        assert json_api.parse_look(request) == asked
        told = ("malformed_body", "purpose has several values.")
        twice = [("purpose", "a"), ("purpose", "b")]
        assert refusal(json_api.parse_look, {}, **path, query=twice) == told

    def test_an_email_beside_a_challenge_is_read_and_checked(self) -> None:
        body = {"challenge_id": "ch_one", "code": "123456", "email": "ADA@example.com"}
        assert json_api.parse_verify(posted(body)).email == ADA
        assert refusal(json_api.parse_verify, {**body, "email": "ada"})[0] == "invalid_email"

    @pytest.mark.parametrize("name", ["code", "otp"])
    @pytest.mark.parametrize("whose", [{"challenge_id": "ch_one"}, {"email": ADA}])
    def test_the_code_may_have_either_name(self, name: str, whose: Any) -> None:
        request = json_api.parse_verify(posted({**whose, name: "123456"}))
        assert request == VerifyRequest(
            Code("123456"), **whose, remembers_device=True, takes_receipt=True
        )

    @pytest.mark.parametrize(
        ("body", "code"),
        rows(
            {
                "missing_email": [{}, {"code": "123456"}, {"challenge_id": "", "code": "123456"}],
                "missing_code": [{"email": ADA}],
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
        for nothing in (None, ""):
            unlabelled = {"purpose": nothing, "reference": nothing}
            assert parse(posted({**body, **unlabelled})) == parse(posted(body))
        assert (parse(posted(body)).purpose, parse(posted(body)).reference) == (None, None)

    @EVERY_BODY
    def test_the_detail_names_the_wrong_label(self, parse: Parse, body: dict[str, str]) -> None:
        for field in ("purpose", "reference"):
            for value in ("pick up", 42):
                code, detail = refusal(parse, {**body, field: value})
                assert (code, detail.split()[0]) == ("malformed_body", field)


class TestPaths:
    @pytest.mark.parametrize(
        ("segment", "email"),
        [
            ("ada@example.com", ADA),
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
        path = {"email": segment}
        assert refusal(json_api.parse_email_path, None, path_parameters=path)[0] == code

    def test_a_customer_s_id_is_letters_and_digits(self) -> None:
        assert json_api.parse_customer_path(posted(None, path_parameters={"id": "00u1"})) == "00u1"
        for segment in ("", "..", "a/b", "00u%2F", "me?x", "x" * 65):
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
                "The body is not a JSON object.": ["[]", f'"{ADA}"', "null", "true", "NaN"],
                "email is not a string.": [
                    *('{"email": NaN}', '{"email": 42}', '{"email": false}'),
                    *('{"email": ["ada@example.com"]}', '{"email": {"$ne": ""}}'),
                ],
                "channel is not a string.": ['{"email": "ada@example.com", "channel": 0}'],
                "purpose is there twice.": [
                    '{"email": "ada@example.com", "purpose": "login", "purpose": "refund"}',
                    '{"purpose": null, "email": "ada@example.com", "\\u0070urpose": "refund"}',
                    '{"email": "ada@example.com", "x": [{"purpose": 1, "purpose": 1}]}',
                ],
                "The body is too long.": [f'{{"email": "{ADA}", "x": "{"y" * 8192}"}}'],
            }
        ),
    )
    def test_the_detail_says_what_is_wrong(self, text: str | None, detail: str) -> None:
        told = refusal(json_api.parse_issue, text, headers=JSON_HEADERS)
        assert told == ("malformed_body", detail)

    def test_the_longest_body_is_read(self) -> None:
        text = json.dumps({"email": ADA, "x": ""})
        padded = text.replace('""', f'"{"y" * (json_api.MAX_BODY - len(text))}"')
        assert len(padded) == json_api.MAX_BODY
        assert json_api.parse_issue(posted(padded)).email == ADA

    def test_the_content_type_may_have_parameters(self) -> None:
        for name in ("application/json", "application/json; charset=utf-8", "Application/JSON ;x"):
            assert json_api.parse_issue(posted({"email": ADA}, {"content-TYPE": name})).email == ADA

    @pytest.mark.parametrize(
        "name",
        ["", "text/plain", "text/plain; application/json", "multipart/form-data", "application/x"],
    )
    def test_a_content_type_that_needs_no_preflight_is_refused(self, name: str) -> None:
        """A browser would send it for a page of any origin."""
        for headers in ({"Content-Type": name}, {}):
            with pytest.raises(errors.UnsupportedMediaType):
                json_api.parse_object(posted({"email": ADA}, headers))


class TestReplies:
    def test_a_challenge_has_all_that_a_form_needs(self) -> None:
        sending = challenge(status=ChallengeStatus.SENDING, sent_at=NOW, expires_at=NOW + 300)
        reply = json_api.issued(Issued(sending, resend_at=NOW + 30, attempts_remaining=3))
        assert body_of(reply, 202, "sent") == {
            "challenge_id": "ch_one",
            "status": "pending",
            "channel": "email",
            "destination": "a•••@example.com",
            "sent_at": TIME,
            "expires_at": "2025-06-15T15:11:40Z",
            "expires_in": 300,
            "resend_at": "2025-06-15T15:07:10Z",
            "resend_in": 30,
            "attempts_remaining": 3,
        }

    def test_a_send_that_is_carried_out_later_is_accepted_without_attempts(self) -> None:
        reply = json_api.issued(Issued(challenge(), NOW, None, was_sent=False))
        assert "attempts_remaining" not in body_of(reply, 202, "accepted")

    def test_a_push_has_its_number_and_until_it_is_answered_it_says_when_to_ask(self) -> None:
        push = challenge(channel=Channel.PUSH)
        issued = body_of(json_api.issued(Issued(push, NOW, number=72)), 202, "sent")
        assert (issued["channel"], issued["number"]) == ("push", 72)
        reply = json_api.awaited(Pending(push, 72, 2))
        body = body_of(reply, 202, "pending")
        assert (body["number"], body["retry_after"], reply.headers) == (72, 2, {"Retry-After": "2"})
        assert not reply.is_final

    def test_a_channel_that_is_not_chosen_yet_is_any(self) -> None:
        reply = json_api.awaited(Pending(challenge(channel=Channel.PUSH, chooses=True)))
        body = body_of(reply, 202, "pending")
        assert body["channel"] == "any"
        assert "number" not in body

    def test_a_verified_challenge_says_when_and_what_for_if_that_applies(self) -> None:
        status = ChallengeStatus.VERIFIED
        verified = challenge(status=status, verified_at=NOW, channel=Channel.SMS)
        body = body_of(json_api.verified(Verified(verified)), 200, "verified")
        always = {"challenge_id": "ch_one", "status": "verified", "channel": "sms"}
        assert body == {**always, "verified_at": TIME}
        labelled = challenge(status=status, verified_at=NOW, channel=Channel.SMS, **PURPOSE)
        reply = json_api.verified(Verified(labelled, "00u1", "a-token"))
        more = {"customer_id": "00u1", "device_token": "a-token"}
        assert body_of(reply, 200, "verified") == {**body, **PURPOSE, **more}

    def test_a_hold_says_which_lanes_since_when_and_why_if_there_is_one(self) -> None:
        wrong = (WrongCode(NOW, Lane.STRANGER), WrongCode(NOW + 5, Lane.CLIENT))
        reply = json_api.hold(Hold((Lane.STRANGER,), NOW + 5, wrong))
        assert body_of(reply, 200, "hold_read") == {
            "held": True,
            "lanes": ["stranger"],
            "since": "2025-06-15T15:06:45Z",
            "reason": "wrong_codes",
            "wrong_codes": [
                {"at": TIME, "lane": "stranger"},
                {"at": "2025-06-15T15:06:45Z", "lane": "client"},
            ],
        }
        body = body_of(json_api.hold(Hold((), None, ())), 200, "hold_read")
        assert body == {"held": False, "lanes": [], "wrong_codes": []}

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
        ("error", "fields", "headers"),
        [
            (errors.InvalidCode(), {}, {}),
            (errors.InvalidCode(attempts_remaining=2), {"attempts_remaining": 2}, {}),
            (errors.InvalidCode(attempts_remaining=0), {"attempts_remaining": 0}, {}),
            (errors.AttemptsHeld(retry_after=9), {"retry_after": 9}, {"Retry-After": "9"}),
            (errors.OktaNotReached(retry_after=5), {"retry_after": 5}, {"Retry-After": "5"}),
            (errors.ChallengeSuperseded(superseded_at=NOW), {"superseded_at": TIME}, {}),
            (errors.MalformedBody("code is wrong."), {"detail": "code is wrong."}, {}),
            (errors.Unauthorized(), {}, {"WWW-Authenticate": "Bearer"}),
        ],
    )
    def test_a_problem_has_the_fields_and_headers_that_apply(
        self, error: errors.VerificationError, fields: dict[str, Any], headers: dict[str, str]
    ) -> None:
        reply = json_api.error(error, posted({}))
        body = json.loads(reply.body)
        always = {"type", "title", "status", "detail", "code", "request_id"}
        assert body.keys() == always | fields.keys()
        assert body.items() >= fields.items()
        assert (reply.status, body["status"]) == (STATUS[error.code], STATUS[error.code])
        assert reply.headers == headers

    @pytest.mark.parametrize(
        ("causes", "detail"),
        [
            (
                [{"errorSummary": "login: too short."}, {"errorSummary": "email:\nodd."}],
                "login: too short.; email: odd.",
            ),
            ([{"errorSummary": "x" * 400}], "x" * json_api.MAX_DETAIL),
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

    def test_it_is_told_okta_s_summary_where_there_is_no_cause(self) -> None:
        known = {"status": 404, "errorSummary": "Not found: 00g1 (Group)", "errorCauses": []}
        reply = json_api.error(errors.CustomerInvalid(okta_error=known), posted({}))
        assert json.loads(reply.body)["detail"] == "Not found: 00g1 (Group)"

    def test_nobody_else_is_told_okta_s_causes(self) -> None:
        known = {"status": 403, "errorCauses": [{"errorSummary": "ada@example.com is locked."}]}
        reply = json_api.error(errors.CustomerLocked(okta_error=known), posted({}))
        assert json.loads(reply.body)["detail"] == errors.CustomerLocked.title

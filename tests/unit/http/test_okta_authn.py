"""The dialect of Okta's Authentication API: requests, links in documents, and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.events import DOMAIN, REQUEST_ID, posted, posted_to, proxy_event
from tests.unit.examples import every_outcome, settings
from verification import errors
from verification.http import okta_authn
from verification.http.messages import Request
from verification.models.customers import FactorType
from verification.models.sign_ins import (
    Credentials,
    EnrollStep,
    FactorStep,
    QuestionsRequest,
    SecurityQuestion,
    SessionRedirect,
    SignInDocument,
    SignInState,
    SignInStatus,
)

SETTINGS = settings()
ORG, HERE = SETTINGS.okta_org_url, f"https://{DOMAIN}"
TOKEN = "00canary-state-token"
RIGHT = {"username": "ada@example.com", "password": "Correct-Horse-7"}
STEP = {"stateToken": TOKEN}


def call(resource: str = "/api/v1/authn", stage: str = "") -> Request:
    event = proxy_event("POST", resource, body={})
    event["requestContext"]["path"] = f"{stage}{resource}"
    return Request.of(event)


def state(content: dict[str, Any], redirect_url: str = "", **more: Any) -> SignInState:
    status = SignInStatus(content.get("status", ""))
    document = SignInDocument(content, status, status.value, TOKEN, "00u1", {})
    return SignInState(document, redirect_url, **more)


def got(**query: str) -> Request:
    """A GET with this query."""
    return Request.of(proxy_event("GET", "/", query=[*query.items()]))


def shown(
    content: dict[str, Any], redirect_url: str = "", stage: str = "", **more: Any
) -> dict[str, Any]:
    """A document as the caller gets it."""
    known = state(content, redirect_url, **more)
    reply = okta_authn.state(known, call(stage=stage), SETTINGS, "begun")
    assert reply.status == 200
    document: dict[str, Any] = json.loads(reply.body)
    return document


def told(error: errors.VerificationError, resource: str = "/api/v1/authn") -> dict[str, Any]:
    """An error as the caller gets it, with its status."""
    reply = okta_authn.error(error, call(resource))
    assert (reply.content_type, reply.outcome) == ("application/json", error.code)
    return {"status": reply.status, **json.loads(reply.body)}


class TestBegin:
    def test_a_username_and_a_password_begin_a_sign_in(self) -> None:
        begun = okta_authn.parse_begin(posted({**RIGHT, "username": " ada@example.com "}))
        assert begun == Credentials("ada@example.com", "Correct-Horse-7")

    def test_a_password_is_kept_as_it_is(self) -> None:
        begun = okta_authn.parse_begin(posted({**RIGHT, "password": " x\u00a0"}))
        assert begun == Credentials("ada@example.com", " x\u00a0")

    def test_a_state_token_alone_resumes_one(self) -> None:
        assert okta_authn.parse_begin(posted(STEP)) == TOKEN

    def test_a_password_counts_beside_a_state_token(self) -> None:
        begun = okta_authn.parse_begin(posted({**RIGHT, **STEP}))
        assert begun == Credentials(RIGHT["username"], RIGHT["password"])

    def test_only_known_fields_are_passed_on_to_okta(self) -> None:
        more = {
            "options": {"multiOptionalFactorEnroll": True, "warnBeforePasswordExpired": 1, "x": 1},
            "context": {"deviceToken": "d-1", "ipAddress": "203.0.113.9"},
            "relayState": "/basket",
            "audience": "other",
        }
        begun = okta_authn.parse_begin(posted({**RIGHT, **more}))
        assert isinstance(begun, Credentials)
        assert begun.more == {
            "options": {"multiOptionalFactorEnroll": True, "warnBeforePasswordExpired": False},
            "relayState": "/basket",
        }
        assert begun.device_token == "d-1"

    @pytest.mark.parametrize(
        "body",
        [
            *({}, [], "nonsense", {"username": "ada"}, {"password": "x"}),
            *({**RIGHT, "username": " "}, {**RIGHT, "username": 1}, {**RIGHT, "password": True}),
            *({**RIGHT, "password": ""}, {**RIGHT, "password": "x" * 513}),
            *({**RIGHT, "username": "a" * 513}, {**RIGHT, "redirect_url": "x" * 2049}),
            *({**RIGHT, "redirect_url": []}, {"stateToken": ""}, {"stateToken": "x" * 513}),
            {**RIGHT, "context": {"deviceToken": "x" * 33}},
            *({**RIGHT, "relayState": "x" * 2049}, {**RIGHT, "relayState": 1}),
        ],
    )
    def test_a_wrong_body_is_refused(self, body: object) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            okta_authn.parse_begin(posted(body))
        assert told(refused.value)["errorCode"] == "E0000001"

    def test_the_longest_texts_are_accepted(self) -> None:
        username, password, url = "a" * 512, "x" * 512, "u" * 2048
        body = {"username": username, "password": password, "redirect_url": url, "relayState": url}
        more = {"relayState": url}
        assert okta_authn.parse_begin(posted(body)) == Credentials(username, password, more, url)


class TestSteps:
    def test_a_code_is_read_however_it_is_grouped(self) -> None:
        request = posted_to("emf1", {**STEP, "passCode": "123 45-6"})
        assert okta_authn.parse_step(request) == FactorStep("emf1", TOKEN, "123456")

    def test_an_answer_is_kept_as_it_is(self) -> None:
        request = posted_to("ufs1", {**STEP, "answer": " Meat ball "})
        assert okta_authn.parse_step(request) == FactorStep("ufs1", TOKEN, answer=" Meat ball ")

    def test_only_known_flags_of_the_query_are_passed_on(self) -> None:
        query = [("rememberDevice", "true"), ("autoPush", "1"), ("factorId", "true")]
        step = okta_authn.parse_step(posted_to("emf1", STEP, query=query))
        assert step == FactorStep("emf1", TOKEN, parameters={"rememberDevice": "true"})

    @pytest.mark.parametrize("code", ["123", "0" * 11, " "])
    def test_a_code_has_four_to_ten_digits(self, code: str) -> None:
        with pytest.raises(errors.InvalidCodeFormat) as refused:
            okta_authn.parse_step(posted_to("emf1", {**STEP, "passCode": code}))
        assert told(refused.value)["errorCode"] == "E0000068"

    def test_a_wrong_flag_is_named(self) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            okta_authn.parse_step(posted_to("emf1", {**STEP, "receipt": "yes"}))
        assert refused.value.detail == "receipt must be true or false."

    @pytest.mark.parametrize(
        "identifier",
        ["", ".", "..", "a/b", "a%2Fb", "a b", "a\n", "a?b", "a;b", "a\u00e9", "x" * 65],
    )
    def test_a_factor_s_id_has_letters_digits_dashes(self, identifier: str) -> None:
        assert okta_authn.parse_step(posted_to("a_b-9", STEP)).factor_id == "a_b-9"
        with pytest.raises(errors.MalformedBody):
            okta_authn.parse_step(posted_to(identifier, STEP))

    @pytest.mark.parametrize("token", [{}, {"stateToken": None}, {"stateToken": {"a": 1}}])
    def test_every_step_needs_its_token(self, token: dict[str, object]) -> None:
        request = posted_to("emf1", {**token, "factorType": "sms"})
        parsers = (okta_authn.parse_state_token, okta_authn.parse_step, okta_authn.parse_enroll)
        for parse in parsers:
            with pytest.raises(errors.MalformedBody) as refused:
                parse(request)
            assert refused.value.detail.startswith("stateToken ")

    @pytest.mark.parametrize(
        "token",
        [f"{TOKEN} ", f" {TOKEN}", f"{TOKEN}\n", f"{TOKEN}\u200b", "00\uff11", "00%2F", " "],
    )
    def test_a_token_that_okta_might_read_as_another_one_is_no_sign_in_s(self, token: str) -> None:
        request = posted_to("emf1", {"stateToken": token, "factorType": "sms"})
        for parse in (
            *(okta_authn.parse_begin, okta_authn.parse_state_token),
            *(okta_authn.parse_step, okta_authn.parse_enroll),
        ):
            with pytest.raises(errors.SignInEnded) as refused:
                parse(request)
            assert told(refused.value)["errorCode"] == "E0000011"

    def test_an_enrollment_passes_on_what_its_type_needs(self) -> None:
        profile = {"phoneNumber": "+1 (500) 555-0006", "profileUrl": "x", "phoneExtension": None}
        body = {**STEP, "factorType": "sms", "provider": "OKTA", "profile": profile}
        more = {"provider": "OKTA", "profile": {"phoneNumber": "+1 (500) 555-0006"}}
        assert okta_authn.parse_enroll(posted(body)) == EnrollStep(FactorType.SMS, TOKEN, more)

    def test_an_enrollment_may_replace_the_phone_that_okta_has_kept(self) -> None:
        query = [("updatePhone", "true"), ("activate", "true"), ("rememberDevice", "true")]
        request = posted_to("", {**STEP, "factorType": "sms"}, query=query)
        wanted = okta_authn.parse_enroll(request)
        assert wanted == EnrollStep(FactorType.SMS, TOKEN, parameters={"updatePhone": "true"})

    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({}, "factorType"),
            ({"factorType": 1}, "factorType"),
            ({"factorType": "sms", "provider": []}, "provider"),
            ({"factorType": "sms", "profile": {"phoneNumber": 15005550006}}, "phoneNumber"),
            ({"factorType": "sms", "profile": {"phoneNumber": "+1500555000\uff16"}}, "phoneNumber"),
            ({"factorType": "call", "profile": {"phoneNumber": "+1500555KKKK"}}, "phoneNumber"),
        ],
    )
    def test_the_detail_names_the_wrong_field(self, more: dict[str, object], field: str) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            okta_authn.parse_enroll(posted({**STEP, **more}))
        assert refused.value.detail.startswith(f"{field} ")


class TestDocuments:
    @pytest.mark.parametrize(
        ("link", "here"),
        [
            (f"{ORG}/api/v1/authn/cancel", f"{HERE}/api/v1/authn/cancel"),
            ("/api/v1/authn/cancel", f"{HERE}/api/v1/authn/cancel"),
            (f"{ORG}/api/v1/x?rememberDevice=true", f"{HERE}/api/v1/x?rememberDevice=true"),
            (f"{ORG}:443/api/v1/x", f"{HERE}/api/v1/x"),
            ("https://EXAMPLE.okta.com/other", f"{HERE}/other"),
            ("https://login.shop.example/api/v1/authn/skip", f"{HERE}/api/v1/authn/skip"),
            ("https://cdn.example/duo.js", "https://cdn.example/duo.js"),
            ("data:image/png;base64,AAAA", "data:image/png;base64,AAAA"),
            ("http://[", "http://["),
        ],
    )
    def test_links_to_okta_lead_here_and_others_stay(self, link: str, here: str) -> None:
        assert shown({"_links": {"next": {"href": link}}})["_links"]["next"]["href"] == here

    def test_links_are_found_at_any_depth(self) -> None:
        document = {
            "_embedded": {"factors": [{"_links": {"resend": [{"href": f"{ORG}/api/v1/r"}]}}]}
        }
        assert ORG not in json.dumps(shown(document))

    def test_the_link_to_questions_has_a_ticket_or_stays_okta_s(self) -> None:
        link = f"{ORG}/api/v1/users/00u1/factors/questions"
        document = {"_links": {"questions": {"href": link}}}
        for ticket, leads_to in (
            ("t-1", f"{HERE}/api/v1/users/00u1/factors/questions?ticket=t-1"),
            ("", link),
        ):
            seen = shown(document, questions_ticket=ticket)
            assert seen["_links"]["questions"]["href"] == leads_to

    @pytest.mark.parametrize("can_remember", [True, False])
    def test_a_device_that_cannot_be_remembered_is_not_asked_about(
        self, can_remember: bool
    ) -> None:
        policy = {"allowRememberDevice": True, "rememberDeviceByDefault": True, "x": 1}
        document = {"_embedded": {"policy": policy}}
        seen = shown(document, can_remember_device=can_remember)["_embedded"]["policy"]
        expected = dict.fromkeys(("allowRememberDevice", "rememberDeviceByDefault"), can_remember)
        assert seen == {**expected, "x": 1}

    def test_a_policy_for_passwords_has_no_device(self) -> None:
        document = {"_embedded": {"policy": {"complexity": {"minLength": 8}}}}
        assert shown(document) == document

    def test_the_stage_of_the_url_is_kept(self) -> None:
        document = {"_links": {"cancel": {"href": f"{ORG}/api/v1/authn/cancel"}}}
        link = shown(document, stage="/prod")["_links"]["cancel"]["href"]
        assert link == f"{HERE}/prod/api/v1/authn/cancel"

    def test_an_unknown_document_is_passed_on_unchanged(self) -> None:
        document = {"status": "FACTOR_FROM_TOMORROW", "href": 5, "x": [None, 1.5, {"y": True}]}
        assert shown(document) == document

    def test_the_picture_of_a_new_secret_is_made_here(self) -> None:
        activation = {"sharedSecret": "JBSWY3DPEHPK3PXP", "_links": {"qrcode": {"href": ORG}}}
        document = {
            "_embedded": {
                "user": {"profile": {"login": "ada@example.com"}},
                "factor": {"_embedded": {"activation": activation}},
            }
        }
        embedded = shown(document)["_embedded"]["factor"]["_embedded"]["activation"]
        assert embedded["_links"]["qrcode"]["href"].startswith("data:image/png;base64,")
        assert activation["_links"] == {"qrcode": {"href": ORG}}  # the document itself is kept

    @pytest.mark.parametrize("long", ["login", "secret"])
    def test_what_does_not_fit_into_a_picture_stays_as_it_is(self, long: str) -> None:
        texts = {"login": "ada", "secret": "JBSWY3DPEHPK3PXP"} | {long: "a" * 3000}
        activation = {"_embedded": {"activation": {"sharedSecret": texts["secret"]}}}
        profile = {"profile": {"login": texts["login"]}}
        document = {"_embedded": {"user": profile, "factor": activation}}
        assert shown(document) == document

    def test_lone_surrogates_are_replaced(self) -> None:
        document = {
            "sessionToken": "\ud800",
            "_embedded": {
                "user": {"profile": {"login": "\ud800"}},
                "factor": {"_embedded": {"activation": {"sharedSecret": "JBSWY3DPEHPK3PXP"}}},
            },
        }
        seen = shown(document, "https://app.example.com/")
        assert "token=%3F&" in seen["sessionCookieRedirect"]
        assert seen["_embedded"]["user"]["profile"]["login"] == "?"

    def test_a_success_with_a_redirect_has_the_address_of_a_session(self) -> None:
        document = shown(
            {"status": "SUCCESS", "sessionToken": "a&b/c"}, "https://app.example.com/?a=b&c=d#e"
        )
        assert document["sessionCookieRedirect"] == (
            f"{ORG}/login/sessionCookieRedirect?token=a%26b%2Fc"
            "&redirectUrl=https%3A%2F%2Fapp.example.com%2F%3Fa%3Db%26c%3Dd%23e"
        )

    @pytest.mark.parametrize("redirect", ["", "https://app.example.com/"])
    def test_before_the_end_there_is_no_such_address(self, redirect: str) -> None:
        document = {"status": "MFA_REQUIRED", "stateToken": TOKEN}
        assert shown(document, redirect) == document

    @pytest.mark.parametrize(
        ("state", "outcome"),
        [
            (state({"status": "MFA_REQUIRED"}), "sign_in_step"),
            (state({"status": "MFA_CHALLENGE"}, was_sent=True), "sent"),
            (state({"status": "SUCCESS"}), "signed_in"),
        ],
    )
    def test_the_outcome_tells_a_send_and_an_end_from_other_steps(
        self, state: SignInState, outcome: str
    ) -> None:
        assert okta_authn.state(state, call(), SETTINGS, "sign_in_step").outcome == outcome


class TestSessions:
    def test_a_browser_is_redirected_to_the_org_with_its_own_parameters_alone(self) -> None:
        request = got(
            token="20111a-b_c",
            redirectUrl="https://app.example.com/?a=b&c=d#e",
            checkAccountSetupComplete="true",
            fromURI="https://evil.example",
        )
        wanted = okta_authn.parse_session_redirect(request)
        reply = okta_authn.session_redirect(wanted, SETTINGS)
        assert (reply.status, reply.body) == (302, "")
        assert reply.headers == {
            "Location": f"{ORG}/login/sessionCookieRedirect?token=20111a-b_c"
            "&redirectUrl=https%3A%2F%2Fapp.example.com%2F%3Fa%3Db%26c%3Dd%23e"
            "&checkAccountSetupComplete=true"
        }

    @pytest.mark.parametrize("more", [{}, {"checkAccountSetupComplete": "maybe"}])
    def test_other_flags_are_left_out(self, more: dict[str, str]) -> None:
        wanted = okta_authn.parse_session_redirect(got(token="t", redirectUrl="u", **more))
        assert wanted == SessionRedirect("t", "u")

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ([], "token"),
            ([("token", "")], "token"),
            ([("token", "a&redirectUrl=https://evil.example")], "token"),
            ([("token", "a\r\nSet-Cookie: sid=1")], "token"),
            ([("token", "x" * 513)], "token"),
            ([("token", "a"), ("token", "b")], "token"),
            ([("token", "a"), ("redirectUrl", "u"), ("redirectUrl", "v")], "redirectUrl"),
            ([("token", "a"), ("redirectUrl", "x" * 2049)], "redirectUrl"),
        ],
    )
    def test_one_token_and_one_address_are_needed(
        self, query: list[tuple[str, str]], field: str
    ) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            okta_authn.parse_session_redirect(Request.of(proxy_event("GET", "/", query=query)))
        assert refused.value.detail.startswith(f"{field} ")
        assert "evil" not in told(refused.value)["errorSummary"]


class TestQuestions:
    def test_they_are_listed_as_by_okta(self) -> None:
        event = proxy_event("GET", "/", query=[("ticket", "t")], path_parameters={"id": "00u1"})
        assert okta_authn.parse_questions(Request.of(event)) == QuestionsRequest("00u1", "t")
        reply = okta_authn.questions([SecurityQuestion("disliked_food", "What?")])
        assert json.loads(reply.body) == [{"question": "disliked_food", "questionText": "What?"}]


class TestErrors:
    @pytest.mark.parametrize(
        ("resource", "page"),
        [
            ("/recovery/password", "/signin/forgot-password"),
            ("/recovery/unlock", "/signin/unlock"),
            ("/credentials/change_password", "/"),
        ],
    )
    def test_what_only_okta_does_is_refused_with_the_page_that_does_it(
        self, resource: str, page: str
    ) -> None:
        refused = okta_authn.only_at_okta(call(f"/api/v1/authn{resource}"), SETTINGS)
        body = told(refused)
        assert (body["status"], body["errorCode"]) == (400, "E0000126")
        assert body["errorSummary"].endswith(f" {ORG}{page}")

    def test_every_outcome_has_okta_s_shape(self) -> None:
        for body in map(told, every_outcome()):
            assert 400 <= body["status"] <= 504
            assert body["errorCode"].startswith("E0000")
            assert body["errorLink"] == body["errorCode"]
            assert (body["errorId"], body["errorCauses"]) == (REQUEST_ID, [])
            assert body["errorSummary"]
            assert len(body) == 6
            assert "TABLE_NAME" not in json.dumps(body)

    def test_okta_s_own_error_is_passed_on(self) -> None:
        own: dict[str, Any] = {
            "status": 403,
            "errorCode": "E0000079",
            "errorSummary": "Not now",
            "errorLink": "E0000079",
            "errorId": "oae1",
            "errorCauses": [{"errorSummary": "why"}],
        }
        assert told(errors.SignInRefused(okta_error={**own, "internal": "of no interest"})) == own
        odd = {**own, "errorCauses": [None, *own["errorCauses"], ["x"]]}
        assert told(errors.SignInRefused(okta_error=odd)) == own

    def test_a_status_that_is_not_documented_is_told_as_a_refusal(self) -> None:
        own = {"status": 409, "errorCode": "E0000157", "errorSummary": "Conflict"}
        refused = told(errors.SignInRefused(okta_error=own))
        assert (refused["status"], refused["errorCode"]) == (403, "E0000157")

    def test_an_email_factor_that_cannot_be_activated_says_what_to_do(self) -> None:
        own = {"status": 403, "errorCode": "E0000005", "errorSummary": "Invalid session"}
        error = errors.SignInRefused(okta_error=own)
        path = "/api/v1/authn/factors/{id}"
        assert "factors/{id}/verify" in told(error, f"{path}/lifecycle/activate")["errorSummary"]
        assert told(error, f"{path}/verify")["errorSummary"] == "Invalid session"

    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (errors.InvalidCredentials(), 401, "E0000004"),
            (errors.SignInEnded(), 401, "E0000011"),
            (errors.Unauthorized(), 401, "E0000011"),
            (errors.Forbidden(), 403, "E0000006"),
            (errors.SignInRefused(), 403, "E0000006"),
            (errors.StepNotTaken(), 404, "E0000007"),
            (errors.InvalidCode(), 403, "E0000068"),
            (errors.CodeNotComparable(), 403, "E0000068"),
            (errors.CustomerLocked(), 403, "E0000069"),
            (errors.UnsupportedMediaType(), 415, "E0000021"),
            (errors.AttemptsHeld(retry_after=60), 429, "E0000047"),
            (errors.SendLimited(retry_after=60), 429, "E0000047"),
            (errors.RateLimited(retry_after=60), 429, "E0000047"),
            (errors.OktaOutcomeUnknown(retry_after=5), 503, "E0000010"),
            (errors.StoreUnavailable(), 503, "E0000010"),
            (errors.MalformedBody("why"), 400, "E0000001"),
            (errors.InternalError(), 500, "E0000009"),
            (errors.OktaCredentialsRejected(), 502, "E0000009"),
            (errors.DeadlineExceeded(), 504, "E0000009"),
        ],
    )
    def test_an_outcome_has_okta_s_code_with_the_same_meaning(
        self, error: errors.VerificationError, status: int, code: str
    ) -> None:
        body = told(error)
        assert (body["status"], body["errorCode"]) == (status, code)
        headers = okta_authn.error(error, call()).headers
        assert ("Retry-After" in headers) == isinstance(error, errors.TryLater)

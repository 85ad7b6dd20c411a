"""The Authentication API's dialect: what is understood, where documents lead, how errors are told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from tests.unit.events import REQUEST_ID, posted, proxy_event
from tests.unit.test_errors import LEAVES
from tests.unit.test_settings import read
from verification import errors
from verification.dialects import authn
from verification.models import Credentials, FactorStep, SignInState

ORG = "https://example.okta.com"
HERE = "https://id.example.com"
SETTINGS = read(OKTA_ORG_URL=ORG)
TOKEN = "00canary-state-token"
RIGHT = {"username": "ada@example.com", "password": "Correct-Horse-7"}


def event_at(domain: str, stage: str = "", resource: str = "/api/v1/authn") -> APIGatewayProxyEvent:
    """A call at a domain, under the stage that its URLs have, if any."""
    event = proxy_event("POST", resource, body={})
    event["requestContext"] |= {"domainName": domain, "path": f"{stage}{resource}"}
    return APIGatewayProxyEvent(event)


def shown(document: dict[str, Any], redirect_url: str = "", stage: str = "") -> dict[str, Any]:
    """A document as the caller gets it."""
    state = SignInState(document, redirect_url)
    response = authn.state(state, event_at("id.example.com", stage), SETTINGS)
    assert response.status_code == 200
    answer: dict[str, Any] = json.loads(response.body or "")
    return answer


def told(error: errors.VerificationError, resource: str = "/api/v1/authn") -> dict[str, Any]:
    """An error as the caller gets it, with its status."""
    response = authn.error(error, event_at("id.example.com", resource=resource))
    assert response.content_type == "application/json"
    return {"status": response.status_code, **json.loads(response.body or "")}


class TestBegin:
    def test_a_username_and_a_password_begin_a_sign_in(self) -> None:
        begun = authn.parse_begin(posted({**RIGHT, "username": " ada@example.com "}))
        assert begun == Credentials("ada@example.com", "Correct-Horse-7")

    def test_a_password_is_left_as_it_is(self) -> None:
        begun = authn.parse_begin(posted({**RIGHT, "password": " x\u00a0"}))
        assert isinstance(begun, Credentials)
        assert begun.password == " x\u00a0"

    def test_a_state_token_alone_resumes_one(self) -> None:
        assert authn.parse_begin(posted({"stateToken": TOKEN})) == TOKEN

    def test_a_password_is_not_ignored_because_of_a_state_token(self) -> None:
        begun = authn.parse_begin(posted({**RIGHT, "stateToken": TOKEN}))
        assert begun == Credentials(RIGHT["username"], RIGHT["password"])

    def test_only_what_is_known_is_passed_on_to_okta(self) -> None:
        more = {
            "options": {"multiOptionalFactorEnroll": True, "warnBeforePasswordExpired": 1, "x": 1},
            "context": {"deviceToken": "d-1", "ipAddress": "203.0.113.9"},
            "relayState": "/",
            "audience": "other",
        }
        begun = authn.parse_begin(posted({**RIGHT, **more}))
        assert isinstance(begun, Credentials)
        assert begun.more == {
            "options": {"multiOptionalFactorEnroll": True, "warnBeforePasswordExpired": False},
            "context": {"deviceToken": "d-1"},
        }

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"username": "ada"},
            {"password": "x"},
            {"username": "", "password": "x"},
            {"username": " ", "password": "x"},
            {"username": "ada", "password": ""},
            {"username": 1, "password": "x"},
            {"username": "ada", "password": True},
            {"username": "a" * 513, "password": "x"},
            {"username": "a", "password": "x" * 513},
            {"stateToken": ""},
            {"stateToken": 5},
            {"stateToken": "x" * 513},
            {**RIGHT, "redirect_url": "x" * 2049},
            {**RIGHT, "redirect_url": ["https://app.example.com"]},
            [],
            "nonsense",
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, body: object) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            authn.parse_begin(posted(body))
        assert refused.value.code == "malformed_body"

    def test_the_longest_is_accepted(self) -> None:
        username, password = "a" * 512, "x" * 512
        begun = authn.parse_begin(posted({"username": username, "password": password}))
        assert begun == Credentials(username, password)


class TestStep:
    def test_a_code_is_read_however_it_is_grouped(self) -> None:
        body = {"stateToken": TOKEN, "passCode": "123 45-6"}
        assert authn.parse_step(posted(body), "emf1") == FactorStep("emf1", TOKEN, "123456")

    def test_an_answer_is_left_as_it_is(self) -> None:
        step = authn.parse_step(posted({"stateToken": TOKEN, "answer": " Meat ball "}), "ufs1")
        assert (step.answer, step.code) == (" Meat ball ", "")

    def test_of_the_query_only_what_is_known_is_passed_on(self) -> None:
        query = [("rememberDevice", "true"), ("autoPush", "1"), ("passCode", "123456")]
        event = proxy_event("POST", "/", body={"stateToken": TOKEN}, query=query)
        step = authn.parse_step(APIGatewayProxyEvent(event), "emf1")
        assert step == FactorStep("emf1", TOKEN, parameters={"rememberDevice": "true"})

    @pytest.mark.parametrize("code", ["123", "0" * 11, "12a456", "١٢٣٤٥٦", " ", "-", "123456\n"])
    def test_a_code_has_four_to_ten_digits(self, code: str) -> None:
        with pytest.raises(errors.InvalidCodeFormat) as refused:
            authn.parse_step(posted({"stateToken": TOKEN, "passCode": code}), "emf1")
        assert told(refused.value)["errorCode"] == "E0000068"

    @pytest.mark.parametrize(
        "factor_id",
        ["", ".", "..", "a/b", "a%2Fb", "a b", "a\n", "a?b", "a;b", "a\u00e9", "x" * 65],
    )
    def test_a_factor_s_id_is_letters_and_digits(self, factor_id: str) -> None:
        with pytest.raises(errors.MalformedBody):
            authn.parse_step(posted({"stateToken": TOKEN}), factor_id)

    @pytest.mark.parametrize("body", [{}, {"stateToken": None}, {"stateToken": {"a": 1}}])
    def test_every_step_brings_its_token(self, body: object) -> None:
        for parse in (authn.parse_state_token, lambda event: authn.parse_step(event, "emf1")):
            with pytest.raises(errors.MalformedBody):
                parse(posted(body))


class TestLinks:
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
        ],
    )
    def test_links_to_okta_lead_here_and_others_stay(self, link: str, here: str) -> None:
        assert shown({"_links": {"next": {"href": link}}})["_links"]["next"]["href"] == here

    def test_links_are_found_however_deep(self) -> None:
        document = {
            "_embedded": {"factors": [{"_links": {"resend": [{"href": f"{ORG}/api/v1/r"}]}}]}
        }
        assert ORG not in json.dumps(shown(document))

    def test_a_stage_of_the_url_is_kept(self) -> None:
        document = {"_links": {"cancel": {"href": f"{ORG}/api/v1/authn/cancel"}}}
        link = shown(document, stage="/prod")["_links"]["cancel"]["href"]
        assert link == f"{HERE}/prod/api/v1/authn/cancel"

    def test_an_unknown_status_passes_unharmed(self) -> None:
        document = {"status": "FACTOR_FROM_TOMORROW", "href": 5, "x": [None, 1.5, {"y": True}]}
        assert shown(document) == document


class TestRedirect:
    def test_a_success_with_a_redirect_has_the_way_to_a_session(self) -> None:
        document = shown(
            {"status": "SUCCESS", "sessionToken": "a&b/c"}, "https://app.example.com/?a=b&c=d#e"
        )
        assert document["sessionCookieRedirect"] == (
            f"{ORG}/login/sessionCookieRedirect?token=a%26b%2Fc"
            "&redirectUrl=https%3A%2F%2Fapp.example.com%2F%3Fa%3Db%26c%3Dd%23e"
        )

    @pytest.mark.parametrize("redirect", ["", "https://app.example.com/"])
    def test_before_the_end_there_is_none(self, redirect: str) -> None:
        document = {"status": "MFA_REQUIRED", "stateToken": TOKEN}
        assert shown(document, redirect) == document


class TestErrors:
    @pytest.mark.parametrize("leaf", LEAVES)
    def test_every_outcome_has_okta_s_shape(self, leaf: type[errors.VerificationError]) -> None:
        more = {"superseded_at": 0} if leaf is errors.ChallengeSuperseded else {}
        body = told(leaf("why", **more))
        assert 400 <= body["status"] <= 504
        assert body["errorCode"].startswith("E0000")
        assert body["errorLink"] == body["errorCode"]
        assert body["errorId"] == REQUEST_ID
        assert body["errorCauses"] == []
        assert body["errorSummary"]
        assert len(body) == 6

    def test_okta_s_own_words_are_passed_on(self) -> None:
        error = errors.SignInRefused()
        error.okta_error = {
            "status": 403,
            "errorCode": "E0000079",
            "errorSummary": "Not now",
            "errorLink": "E0000079",
            "errorId": "oae1",
            "errorCauses": [{"errorSummary": "why"}],
            "internal": "of no interest",
        }
        assert told(error) == {
            "status": 403,
            "errorCode": "E0000079",
            "errorSummary": "Not now",
            "errorLink": "E0000079",
            "errorId": "oae1",
            "errorCauses": [{"errorSummary": "why"}],
        }

    def test_the_dead_end_of_the_email_factor_is_shown_the_way_out(self) -> None:
        error = errors.SignInRefused()
        error.okta_error = {
            "status": 403,
            "errorCode": "E0000005",
            "errorSummary": "Invalid session",
        }
        path = "/api/v1/authn/factors/{id}"
        assert "factors/{id}/verify" in told(error, f"{path}/lifecycle/activate")["errorSummary"]
        assert told(error, f"{path}/verify")["errorSummary"] == "Invalid session"

    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (errors.InvalidCredentials(), 401, "E0000004"),
            (errors.SignInEnded(), 401, "E0000011"),
            (errors.Unauthorized(), 401, "E0000011"),
            (errors.InvalidCode(), 403, "E0000068"),
            (errors.CustomerLocked(), 403, "E0000069"),
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
    def test_other_outcomes_have_the_code_that_says_the_same(
        self, error: errors.VerificationError, status: int, code: str
    ) -> None:
        body = told(error)
        assert (body["status"], body["errorCode"]) == (status, code)
        response = authn.error(error, event_at("id.example.com"))
        assert ("Retry-After" in response.headers) == isinstance(error, errors.TryLater)

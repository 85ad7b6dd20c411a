"""Registrations: what is understood of them, and what is told of a customer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.events import REQUEST_ID, posted
from tests.unit.examples import factor, user
from verification import errors
from verification.dialects import json_api, registrations
from verification.models import Factor, Registered

MARY = {"email": "mary@example.com", "firstName": "Mary", "lastName": "Jackson"}
PHONE = {**MARY, "mobilePhone": "+1 500-555-0009"}

FACTORS = (
    factor(destination="mary@example.com"),
    factor("question"),
    factor("sms", "PENDING_ACTIVATION", destination="+15005550009"),
)
CUSTOMER = {
    "customer_id": user().id,
    "status": "ACTIVE",
    "factors": [
        {"channel": "email", "status": "ACTIVE", "destination": "m•••@example.com"},
        {"channel": "sms", "status": "PENDING_ACTIVATION", "destination": "•••0009"},
    ],
}


def parse(profile: object = MARY, **body: object) -> Any:
    return registrations.parse(posted({"profile": profile, **body}))


def refusal(profile: object = MARY, **body: object) -> tuple[str, str]:
    with pytest.raises(errors.BadRequest) as refused:
        parse(profile, **body)
    return refused.value.code, refused.value.detail


class TestParsing:
    def test_a_profile_is_enough(self) -> None:
        wanted = parse({**MARY, "email": " Mary@Example.COM"})
        assert wanted.profile == {**MARY, "login": MARY["email"]}
        assert (wanted.email, wanted.login) == (MARY["email"], MARY["email"])
        assert (wanted.password, wanted.groups, wanted.factors) == ("", (), ())

    def test_null_is_absent(self) -> None:
        profile = {**MARY, "login": None, "mobilePhone": None, "nickName": None}
        wanted = parse(profile, password=None, groups=None, enroll=None)
        assert wanted == parse()

    def test_attributes_of_the_schema_go_through_as_they_are(self) -> None:
        more = {"shoe_size": 38.5, "isMember": True, "tags": ["a", 1, False], "nickName": ""}
        assert parse({**MARY, **more}).profile == {**MARY, "login": MARY["email"], **more}

    def test_factors_are_those_of_the_profile(self) -> None:
        wanted = parse(PHONE, enroll=["sms", "email"])
        assert wanted.factors == (
            Factor("", "sms", "", "+15005550009"),
            Factor("", "email", "", MARY["email"]),
        )
        assert wanted.profile["mobilePhone"] == "+15005550009"

    def test_a_password_is_taken_as_it_is(self) -> None:
        assert parse(password="  two blanks  ").password == "  two blanks  "

    def test_groups_are_taken(self) -> None:
        assert parse(groups=["00g1", "00g2"]).groups == ("00g1", "00g2")

    def test_nothing_personal_is_shown(self) -> None:
        shown = repr(parse({**PHONE, "login": "mary.j"}, password="secret", enroll=["sms"]))
        for word in ("mary", "Jackson", "5550009", "secret"):
            assert word not in shown

    @pytest.mark.parametrize(
        ("profile", "code"),
        [
            (None, "malformed_body"),
            ("mary@example.com", "malformed_body"),
            ([], "malformed_body"),
            ({"firstName": "Mary", "lastName": "Jackson"}, "missing_email"),
            ({**MARY, "email": "mary"}, "invalid_email"),
            ({**MARY, "email": 1}, "malformed_body"),
            ({**MARY, "email": [MARY["email"]]}, "malformed_body"),
            ({**MARY, "mobilePhone": "0800 555"}, "invalid_phone_number"),
            ({**MARY, "mobilePhone": 15005550009}, "malformed_body"),
            ({**MARY, "firstName": ""}, "malformed_body"),
            ({**MARY, "lastName": None}, "malformed_body"),
            ({**MARY, "lastName": "x" * 51}, "malformed_body"),
            ({**MARY, "login": "mary"}, "malformed_body"),
            ({**MARY, "login": "m/jackson"}, "malformed_body"),
            ({**MARY, "login": "m jackson"}, "malformed_body"),
            ({**MARY, "login": "x" * 101}, "malformed_body"),
            ({**MARY, "email": f"{'x' * 60}@{'y' * 50}.example"}, "malformed_body"),
            ({**MARY, "email": "m/j@example.com"}, "malformed_body"),
            ({**MARY, "": "x"}, "malformed_body"),
            ({**MARY, "x" * 65: "x"}, "malformed_body"),
            ({**MARY, "shoe size": 38}, "malformed_body"),
            ({**MARY, "address": {"city": "Hampton"}}, "malformed_body"),
            ({**MARY, "tags": [["a"]]}, "malformed_body"),
            ({**MARY, "tags": [None]}, "malformed_body"),
            ({**MARY, "tags": ["a"] * 101}, "malformed_body"),
            ({**MARY, "bio": "x" * 4097}, "malformed_body"),
            ({**MARY, "number": 2**53 + 1}, "malformed_body"),
            ({**MARY, "number": float("inf")}, "malformed_body"),
            ({**MARY, "number": float("nan")}, "malformed_body"),
            ({**MARY, **{f"a{n}": 1 for n in range(98)}}, "malformed_body"),
        ],
    )
    def test_what_is_wrong_with_a_profile_is_said(self, profile: object, code: str) -> None:
        assert refusal(profile)[0] == code

    @pytest.mark.parametrize(
        ("body", "detail"),
        [
            ({"password": ""}, "password must be a string of 1 to 256 characters."),
            ({"password": "x" * 257}, "password must be a string of 1 to 256 characters."),
            ({"password": ["x"]}, "password must be a string of 1 to 256 characters."),
            ({"groups": "00g1"}, "groups is not a list of strings."),
            ({"groups": ""}, "groups is not a list of strings."),
            ({"groups": {}}, "groups is not a list of strings."),
            ({"groups": [1]}, "groups is not a list of strings."),
            ({"groups": ["00g1", "00g1"]}, "groups has an entry twice."),
            ({"groups": [""]}, "groups must be at most 20 ids of Okta groups."),
            ({"groups": ["../me"]}, "groups must be at most 20 ids of Okta groups."),
            (
                {"groups": [f"00g{n}" for n in range(21)]},
                "groups must be at most 20 ids of Okta groups.",
            ),
            ({"enroll": "email"}, "enroll is not a list of strings."),
            ({"enroll": ["email", "email"]}, "enroll has an entry twice."),
            ({"enroll": ["call"]}, "enroll can hold email and sms."),
            ({"enroll": ["sms"]}, "enroll sms needs profile.mobilePhone."),
        ],
    )
    def test_what_is_wrong_with_the_rest_is_said(
        self, body: dict[str, object], detail: str
    ) -> None:
        assert refusal(**body) == ("malformed_body", detail)


class TestAnswers:
    def test_a_customer_is_told_with_the_factors_that_can_be_challenged(self) -> None:
        response = json_api.registered(Registered(user(), FACTORS))
        assert (response.status_code, json.loads(response.body or "")) == (201, CUSTOMER)

    def test_a_problem_says_what_exists(self) -> None:
        error = errors.EnrollmentRefused()
        error.half_done = Registered(user(), FACTORS)
        body = json.loads(json_api.problem(error, REQUEST_ID).body or "")
        assert (body["code"], body["customer"]) == ("enrollment_refused", CUSTOMER)

    def test_factors_that_nobody_knows_are_left_out(self) -> None:
        error = errors.OktaOutcomeUnknown()
        error.half_done = Registered(user(), None)
        body = json.loads(json_api.problem(error, REQUEST_ID).body or "")
        assert body["customer"] == {"customer_id": user().id, "status": "ACTIVE"}

    def test_another_problem_knows_of_no_customer(self) -> None:
        body = json.loads(json_api.problem(errors.CustomerExists(), REQUEST_ID).body or "")
        assert "customer" not in body

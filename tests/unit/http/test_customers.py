"""Registrations in the JSON dialect: what is accepted, and what a customer looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.events import REQUEST_ID, posted
from tests.unit.examples import factor, incomplete, rows, user
from verification import errors
from verification.http import customers, json_api
from verification.models.customers import (
    Email,
    Factor,
    FactorStatus,
    FactorType,
    Registered,
    Registration,
)

EMAIL = "mary@example.com"
MARY = {"email": EMAIL, "firstName": "Mary", "lastName": "Jackson"}
PHONE = {**MARY, "mobilePhone": "+1 500-555-0009"}

FACTORS = (
    factor(destination=EMAIL),
    factor(FactorType.QUESTION),
    factor(FactorType.SMS, FactorStatus.PENDING_ACTIVATION, destination="+15005550009"),
)
CUSTOMER = {
    "customer_id": user().id,
    "status": "ACTIVE",
    "factors": [
        {"channel": "email", "status": "ACTIVE", "destination": "m•••@example.com"},
        {"channel": "sms", "status": "PENDING_ACTIVATION", "destination": "•••0009"},
    ],
}


def parse(profile: object = MARY, **body: object) -> Registration:
    return customers.parse(posted({"profile": profile, **body}))


def refusal(profile: object = MARY, **body: object) -> tuple[str, str]:
    with pytest.raises(errors.BadRequest) as refused:
        parse(profile, **body)
    return refused.value.code, refused.value.detail


class TestParsing:
    def test_a_profile_is_enough(self) -> None:
        wanted = parse({**MARY, "email": " Mary@Example.COM"})
        assert wanted == Registration(Email(EMAIL), EMAIL, {**MARY, "login": EMAIL})

    def test_null_is_absent(self) -> None:
        profile = {**MARY, "login": None, "mobilePhone": None, "nickName": None}
        assert parse(profile, password=None, groups=None, enroll=None) == parse()

    def test_other_attributes_password_and_groups_are_kept_as_they_are(self) -> None:
        more = {"shoe_size": 38.5, "isMember": True, "tags": ["a", 1, False], "nickName": ""}
        wanted = parse({**MARY, **more}, password="  two blanks  ", groups=["00g1", "00g2"])
        assert wanted.profile == {**MARY, "login": EMAIL, **more}
        assert (wanted.password, wanted.groups) == ("  two blanks  ", ("00g1", "00g2"))

    def test_factors_go_to_the_profile_s_email_and_phone(self) -> None:
        wanted = parse(PHONE, enroll=["sms", "email"])
        assert wanted.factors == (
            Factor("", FactorType.SMS, FactorStatus.ACTIVE, "+15005550009"),
            Factor("", FactorType.EMAIL, FactorStatus.ACTIVE, EMAIL),
        )
        assert wanted.profile["mobilePhone"] == "+15005550009"

    def test_the_representation_shows_nothing_personal(self) -> None:
        shown = repr(parse({**PHONE, "login": "mary.j"}, password="secret", enroll=["sms"]))
        personal = ("mary", "Jackson", "5550009", "secret")
        assert [word for word in personal if word in shown] == []

    @pytest.mark.parametrize("login", [EMAIL, "Mary@Example.com", "mary.jackson"])
    def test_a_login_is_the_email_or_does_not_look_like_one(self, login: str) -> None:
        assert parse({**MARY, "login": login}).login == login

    @pytest.mark.parametrize(
        "login",
        ["ada@example.com", "màry@example.com", "mary@", "ada\uff20example.com", "ada\ufe6bx.com"],
    )
    def test_somebody_else_s_address_is_no_login(self, login: str) -> None:
        """Okta folds other characters to `@`, so they count as one."""
        told = "login must be the email, or not look like an email."
        assert refusal({**MARY, "login": login}) == ("malformed_body", told)

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"email": None}, "missing_email"),
            ({"email": "mary"}, "invalid_email"),
            ({"mobilePhone": "0800 555"}, "invalid_phone_number"),
        ],
    )
    def test_an_email_and_a_phone_are_checked_as_everywhere(
        self, changes: dict[str, object], code: str
    ) -> None:
        assert refusal({**MARY, **changes})[0] == code

    def test_an_email_is_as_short_as_okta_needs_it(self) -> None:
        email = f"{'x' * 60}@{'y' * 50}.example"
        told = ("malformed_body", "email must be at most 100 characters.")
        assert refusal({**MARY, "email": email, "login": "mary.jackson"}) == told

    @pytest.mark.parametrize("profile", [None, EMAIL, []])
    def test_a_profile_is_an_object(self, profile: object) -> None:
        assert refusal(profile) == ("malformed_body", "profile is not an object.")

    @pytest.mark.parametrize(
        "changes",
        [
            *({"email": 1}, {"email": [EMAIL]}, {"mobilePhone": 15005550009}),
            *({"firstName": ""}, {"lastName": None}, {"lastName": "x" * 51}),
            *({"login": "mary"}, {"login": "m/jackson"}, {"login": "m jackson"}),
            *({"login": "m\x1fjackson"}, {"login": "m\x7fjackson"}, {"login": "m\x80jackson"}),
            *({"login": "x" * 101}, {"email": "m/j@example.com"}),
            *({"": "x"}, {"x" * 65: "x"}, {"shoe size": 38}, {"address": {"city": "Hampton"}}),
            *({"tags": [["a"]]}, {"tags": [None]}, {"tags": ["a"] * 101}, {"bio": "x" * 4097}),
            *({"number": 2**53 + 1}, {"number": float("inf")}, {"number": float("nan")}),
            {f"a{n}": 1 for n in range(98)},
        ],
    )
    def test_a_wrong_attribute_is_refused(self, changes: dict[str, object]) -> None:
        assert refusal({**MARY, **changes})[0] == "malformed_body"

    @pytest.mark.parametrize(
        ("body", "detail"),
        rows(
            {
                "password must be a string of 1 to 256 characters.": [
                    *({"password": ""}, {"password": "x" * 257}, {"password": ["x"]})
                ],
                "groups is not a list of strings.": [{"groups": ""}, {"groups": [1]}],
                "groups has an entry twice.": [{"groups": ["00g1", "00g1"]}],
                "groups must be at most 20 ids of Okta groups.": [
                    *({"groups": [""]}, {"groups": ["../me"]}),
                    {"groups": [f"00g{n}" for n in range(21)]},
                ],
                "enroll is not a list of strings.": [{"enroll": "email"}],
                "enroll has an entry twice.": [{"enroll": ["email", "email"]}],
                "enroll can contain email and sms.": [
                    *({"enroll": ["call"]}, {"enroll": ["totp"]}, {"enroll": ["fax"]})
                ],
                "enroll sms needs profile.mobilePhone.": [{"enroll": ["sms"]}],
            }
        ),
    )
    def test_the_detail_names_the_wrong_field(self, body: dict[str, object], detail: str) -> None:
        assert refusal(**body) == ("malformed_body", detail)


def problem(error: errors.VerificationError) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(json_api.problem(error, REQUEST_ID).body)
    return body


class TestReplies:
    def test_a_new_customer_is_shown_with_the_factors_of_known_channels(self) -> None:
        reply = json_api.registered(Registered(user(), FACTORS))
        assert (reply.status, reply.outcome) == (201, "registered")
        assert json.loads(reply.body) == CUSTOMER

    def test_an_incomplete_registration_is_the_failure_s_problem_and_shows_what_exists(
        self,
    ) -> None:
        error = incomplete(errors.OktaNotReached("why", retry_after=7), *FACTORS)
        reply, body = json_api.problem(error, REQUEST_ID), problem(error)
        assert (reply.status, reply.outcome) == (503, "okta_unavailable")
        assert reply.headers == {"Retry-After": "7"}
        assert (body["code"], body["detail"], body["retry_after"]) == ("okta_unavailable", "why", 7)
        assert body["customer"] == CUSTOMER

    def test_factors_that_are_not_known_are_left_out(self) -> None:
        error = errors.RegistrationIncomplete(errors.StoreUnavailable(), Registered(user(), None))
        assert problem(error)["customer"] == {"customer_id": user().id, "status": "ACTIVE"}

    def test_a_problem_without_a_new_customer_shows_none(self) -> None:
        for error in (errors.CustomerExists(), errors.RegistrationStopped(errors.CustomerExists())):
            assert problem(error)["code"] == "customer_exists"
            assert "customer" not in problem(error)

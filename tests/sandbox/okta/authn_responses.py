"""Sign-ins as the Authentication API shows them, with masked addresses and numbers.

Assumed, because no recording shows it: the mask of a number outside North America.
"""

from tests.sandbox.okta import factor_responses
from tests.sandbox.okta.records import (
    Factor,
    FactorStatus,
    FactorType,
    Step,
    Transaction,
    User,
    timestamp,
)
from tests.sandbox.okta.responses import JsonObject, link
from tests.sandbox.okta.verification import SENT

_HIDDEN = "X" * 3
_SHOWN_DIGITS = 4

REMEMBER_DEVICE_MINUTES = 15

_REMEMBER_DEVICE: JsonObject = {
    "allowRememberDevice": True,
    "rememberDeviceLifetimeInMinutes": REMEMBER_DEVICE_MINUTES,
    "rememberDeviceByDefault": False,
    "factorsPolicyInfo": {},
}
_COMPLEXITY: JsonObject = {"minLength": 8, "minLowerCase": 1, "minUpperCase": 1, "minNumber": 1}


def transaction(shown: Transaction, base: str) -> JsonObject:
    authn = f"{base}/api/v1/authn"
    body: JsonObject = {"status": shown.step}
    if shown.relay_state is not None:
        body["relayState"] = shown.relay_state
    body["_links"] = {"cancel": link(f"{authn}/cancel", "POST"), **_links(shown, authn)}
    if shown.step is Step.LOCKED_OUT:
        return {**body, "_embedded": {}}
    body["expiresAt"] = timestamp(shown.expires_at)
    if shown.session_token is None:
        body["stateToken"] = shown.token
    else:
        body["sessionToken"] = shown.session_token
    if shown.step is Step.MFA_CHALLENGE and _is_sent(shown.factor):
        body["factorResult"] = "CHALLENGE"
    body["_embedded"] = {"user": _user(shown.user), **_embedded(shown, base, authn)}
    return body


def _embedded(shown: Transaction, base: str, authn: str) -> JsonObject:
    match shown.step, shown.factor:
        case Step.MFA_REQUIRED, _:
            return {"factors": _verifiable(shown.user, authn), "policy": _REMEMBER_DEVICE}
        case Step.MFA_CHALLENGE, Factor() as challenged:
            return {"factor": _factor(challenged), "policy": _REMEMBER_DEVICE}
        case Step.MFA_ENROLL, _:
            return {"factors": factor_responses.supported(shown.user, base, f"{authn}/factors")}
        case Step.MFA_ENROLL_ACTIVATE, Factor() as enrolled:
            return {"factor": _enrolled(shown.user, enrolled, base)}
        case Step.PASSWORD_EXPIRED, _:
            return {"policy": {"complexity": _COMPLEXITY}}
    return {}


def _links(shown: Transaction, authn: str) -> JsonObject:
    match shown.step, shown.factor:
        case Step.MFA_CHALLENGE, Factor() as challenged:
            url = f"{authn}/factors/{challenged.id}/verify"
            return _factor_links("verify", url, f"{url}/resend", challenged, authn)
        case Step.MFA_ENROLL_ACTIVATE, Factor() as enrolled:
            url = f"{authn}/factors/{enrolled.id}/lifecycle"
            return _factor_links("activate", f"{url}/activate", f"{url}/resend", enrolled, authn)
        case Step.MFA_ENROLL, _ if shown.has_enrolled:
            return {"skip": link(f"{authn}/skip", "POST")}
        case Step.PASSWORD_EXPIRED, _:
            return {"next": _named("changePassword", f"{authn}/credentials/change_password")}
        case Step.LOCKED_OUT, _:
            return {"next": _named("unlock", f"{authn}/recovery/unlock")}
    return {}


def _factor_links(name: str, url: str, resend_url: str, factor: Factor, authn: str) -> JsonObject:
    links: JsonObject = {"next": _named(name, url), "prev": link(f"{authn}/previous", "POST")}
    if _is_sent(factor):
        links["resend"] = [_named(factor.type, resend_url)]
    return links


def _named(name: str, url: str) -> JsonObject:
    return {"name": name, **link(url, "POST")}


def _is_sent(factor: Factor | None) -> bool:
    return factor is not None and factor.type in SENT


def _user(shown: User) -> JsonObject:
    return {
        "id": shown.id,
        "passwordChanged": shown.created,
        "profile": {
            "login": shown.login,
            "firstName": shown.first_name,
            "lastName": shown.last_name,
            "locale": "en",
            "timeZone": "America/Los_Angeles",
        },
    }


def _verifiable(owner: User, authn: str) -> list[JsonObject]:
    return [
        {**_factor(each), "_links": {"verify": link(f"{authn}/factors/{each.id}/verify", "POST")}}
        for each in owner.factors
        if each.status is FactorStatus.ACTIVE
    ]


def _enrolled(owner: User, shown: Factor, base: str) -> JsonObject:
    if shown.type is not FactorType.TOTP:
        return _factor(shown)
    activation = factor_responses.activation(owner, shown, base)
    return {**_factor(shown), "_embedded": {"activation": activation}}


def _factor(shown: Factor) -> JsonObject:
    return {**factor_responses.kind(shown), "profile": _masked_profile(shown)}


def _masked_profile(shown: Factor) -> JsonObject:
    match shown.type:
        case FactorType.EMAIL:
            return {"email": masked_email(shown.destination)}
        case FactorType.SMS | FactorType.CALL:
            return {"phoneNumber": masked_phone(shown.destination)}
    return factor_responses.profile(shown)


def masked_email(email: str) -> str:
    """`j...e@example.com`."""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}...{name[-1:]}@{domain}"


def masked_phone(number: str) -> str:
    """The last four digits, for North America with the country code."""
    last = number[-_SHOWN_DIGITS:]
    if number.startswith("+1"):
        return f"+1 {_HIDDEN}-{_HIDDEN}-{last}"
    return f"+{'X' * (len(number) - _SHOWN_DIGITS - 1)}{last}"

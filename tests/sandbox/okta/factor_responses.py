"""Factors as Okta shows them.

Assumed: the secret of a pending TOTP factor is shown by its enrolment and never again.
"""

from tests.sandbox.okta.enrollment import ENROLLABLE
from tests.sandbox.okta.records import QUESTIONS, Factor, FactorStatus, FactorType, User
from tests.sandbox.okta.responses import JsonObject, link, user_url
from tests.sandbox.okta.verification import SENT, TOTP_DIGITS, TOTP_STEP_SECONDS

_DEVICE: JsonObject = {
    "deviceType": "SmartPhone_IPhone",
    "keys": [{"kty": "PKIX", "use": "sig", "kid": "default", "x5c": ["MIIBI..."]}],
    "name": "A phone",
    "platform": "IOS",
    "version": "17.5",
}


def factor(owner: User, shown: Factor, base: str) -> JsonObject:
    """An enrolled factor."""
    body: JsonObject = {**kind(shown), "status": shown.status}
    if shown.type is not FactorType.EMAIL:
        body["created"] = shown.created
        body["lastUpdated"] = shown.last_updated or shown.created
    if not _is_pending(shown) or shown.type is not FactorType.EMAIL:
        body["profile"] = profile(shown)
    body["_links"] = _links(owner, shown, base)
    return body


def enrolled(owner: User, shown: Factor, base: str) -> JsonObject:
    """A new factor, with the secret of a TOTP factor."""
    body = factor(owner, shown, base)
    if shown.type is FactorType.TOTP:
        body["_embedded"] = {"activation": activation(owner, shown, base)}
    return body


def activation(owner: User, shown: Factor, base: str) -> JsonObject:
    """What an authenticator app needs of a TOTP factor."""
    picture = f"{factor_url(owner, shown, base)}/qr/{shown.qr_token}"
    return {
        "timeStep": TOTP_STEP_SECONDS,
        "sharedSecret": shown.secret,
        "encoding": "base32",
        "keyLength": TOTP_DIGITS,
        "factorResult": "WAITING",
        "_links": {"qrcode": {"href": picture, "type": "image/png"}},
    }


def challenge(owner: User, sent: Factor, base: str) -> JsonObject:
    """A code was sent; a phone number is shown in full, an email address is not shown."""
    body: JsonObject = {"factorResult": "CHALLENGE"}
    if sent.type is not FactorType.EMAIL:
        body["profile"] = profile(sent)
    url = factor_url(owner, sent, base)
    body["_links"] = {"verify": link(f"{url}/verify", "POST"), "factor": link(url, "GET", "DELETE")}
    return body


def supported(owner: User, base: str, enrol_url: str) -> list[JsonObject]:
    """The factors that a user may enrol, including those that the user has."""
    return [
        _supported(owner, factor_type, provider, base, enrol_url)
        for factor_type, provider in ENROLLABLE
    ]


def kind(shown: Factor) -> JsonObject:
    """The fields that every representation of a factor has."""
    return {
        "id": shown.id,
        "factorType": shown.type,
        "provider": shown.provider,
        "vendorName": shown.provider,
    }


def profile(shown: Factor) -> JsonObject:
    """Where a factor's codes go, or its question."""
    match shown.type:
        case FactorType.EMAIL:
            return {"email": shown.destination}
        case FactorType.SMS | FactorType.CALL:
            return {"phoneNumber": shown.destination}
        case FactorType.TOTP:
            return {"credentialId": shown.destination}
        case FactorType.QUESTION:
            return {"question": shown.destination, "questionText": QUESTIONS[shown.destination]}
        case FactorType.PUSH:
            return {"credentialId": shown.destination, **_DEVICE}


def factor_url(owner: User, shown: Factor, base: str) -> str:
    return f"{user_url(owner, base)}/factors/{shown.id}"


def _supported(
    owner: User, factor_type: FactorType, provider: str, base: str, enrol_url: str
) -> JsonObject:
    known = {
        (each.type, each.provider): each.status for each in owner.factors if not _is_pending(each)
    }
    links: JsonObject = {"enroll": link(enrol_url, "POST")}
    if factor_type is FactorType.QUESTION:
        links["questions"] = link(f"{user_url(owner, base)}/factors/questions", "GET")
    return {
        "factorType": factor_type,
        "provider": provider,
        "vendorName": provider,
        "status": known.get((factor_type, provider), FactorStatus.NOT_SETUP),
        "enrollment": "OPTIONAL",
        "_links": links,
    }


def _links(owner: User, shown: Factor, base: str) -> JsonObject:
    url = factor_url(owner, shown, base)
    links: JsonObject = {"user": link(user_url(owner, base), "GET")}
    if _is_pending(shown):
        links["self"] = link(url, "GET")
        links["activate"] = link(f"{url}/lifecycle/activate", "POST")
        if shown.type in SENT:
            links["resend"] = [{"name": shown.type, **link(f"{url}/resend", "POST")}]
        return links
    links["self"] = link(url, "GET", "DELETE")
    if shown.type is FactorType.QUESTION:
        links["questions"] = link(f"{user_url(owner, base)}/factors/questions", "GET")
    else:
        links["verify"] = link(f"{url}/verify", "POST")
    return links


def _is_pending(shown: Factor) -> bool:
    return shown.status is FactorStatus.PENDING_ACTIVATION

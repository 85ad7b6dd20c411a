"""Bodies and headers as Okta sends them.

`base` is the org's own URL, as `org_url` finds it.
"""

import json
from dataclasses import dataclass
from urllib.parse import urlencode

from werkzeug import Request, Response

from tests.sandbox.okta.exceptions import OktaError
from tests.sandbox.okta.limits import Quota
from tests.sandbox.okta.records import Factor, FactorStatus, FactorType, User, UserStatus

JsonObject = dict[str, object]

# The next steps that Okta offers in a user's links. ACTIVE and STAGED are recorded, the others
# assumed.
_USER_STEPS = {
    UserStatus.STAGED: ("activate",),
    UserStatus.PROVISIONED: ("reactivate", "resetPassword", "deactivate"),
    UserStatus.ACTIVE: (
        "suspend",
        "resetPassword",
        "expirePassword",
        "changeRecoveryQuestion",
        "changePassword",
        "deactivate",
    ),
    UserStatus.RECOVERY: ("resetPassword", "suspend", "deactivate"),
    UserStatus.PASSWORD_EXPIRED: ("resetPassword", "suspend", "deactivate"),
    UserStatus.LOCKED_OUT: ("unlock", "resetPassword", "deactivate"),
    UserStatus.SUSPENDED: ("unsuspend", "deactivate"),
    UserStatus.DEPROVISIONED: ("activate",),
}
_STEP_PATHS = {
    "activate": "lifecycle/activate",
    "reactivate": "lifecycle/reactivate",
    "suspend": "lifecycle/suspend",
    "unsuspend": "lifecycle/unsuspend",
    "unlock": "lifecycle/unlock",
    "deactivate": "lifecycle/deactivate",
    "resetPassword": "lifecycle/reset_password",
    "expirePassword": "lifecycle/expire_password",
    "changePassword": "credentials/change_password",
    "changeRecoveryQuestion": "credentials/change_recovery_question",
}
_QUESTION_TEXTS = {"disliked_food": "What is the food you least liked as a child?"}

# As recorded: these two say nothing about caching.
_WITHOUT_CACHING_HEADERS = frozenset({401, 429})


@dataclass(frozen=True)
class Answer:
    """What an operation replies, before the headers that every answer carries."""

    body: object
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


def org_url(request: Request) -> str:
    """The org's own URL, as the request named it, without a slash at its end."""
    return request.host_url.rstrip("/")


def on_the_wire(answer: Answer, quota: Quota, request_id: str) -> Response:
    """The HTTP response with Okta's own headers."""
    response = Response(
        json.dumps(answer.body, separators=(",", ":"), ensure_ascii=False),
        status=answer.status,
        content_type="application/json",
    )
    response.headers["x-okta-request-id"] = request_id
    response.headers["x-rate-limit-limit"] = str(quota.limit)
    response.headers["x-rate-limit-remaining"] = str(quota.remaining)
    response.headers["x-rate-limit-reset"] = str(quota.reset)
    if answer.status not in _WITHOUT_CACHING_HEADERS:
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["cache-control"] = "no-cache, no-store"
        response.headers["pragma"] = "no-cache"
        response.headers["expires"] = "0"
    for name, value in answer.headers:
        response.headers.add(name, value)
    return response


def error(refusal: OktaError, error_id: str) -> Answer:
    """An Okta error."""
    body: JsonObject = {
        "errorCode": refusal.code,
        "errorSummary": refusal.summary,
        "errorLink": refusal.code,
        "errorId": error_id,
        "errorCauses": [{"errorSummary": cause} for cause in refusal.causes],
    }
    return Answer(body, refusal.status, refusal.headers)


def user(shown: User, base: str, user_type_id: str) -> JsonObject:
    """A user read by id or login."""
    body = _user(shown, user_type_id)
    emails = [{"value": shown.email, "status": "VERIFIED", "type": "PRIMARY"}]
    body["credentials"] = {**_credentials(shown), "emails": emails}
    body["_links"] = _user_links(shown, base, user_type_id)
    return body


def listed_user(shown: User, base: str, user_type_id: str) -> JsonObject:
    """A user as an item of a list, which links to itself only."""
    body = _user(shown, user_type_id)
    body["credentials"] = _credentials(shown)
    body["_links"] = {"self": {"href": _user_url(shown, base)}}
    return body


def page_links(base: str, search: str, limit: int, page: list[User]) -> tuple[tuple[str, str], ...]:
    """The Link headers of a list; Okta names a next page even after the last one."""
    url = f"{base}/api/v1/users"
    links = [f'<{url}?{urlencode({"limit": limit, "search": search})}>; rel="self"']
    if page:
        query = urlencode({"after": page[-1].id, "limit": limit, "search": search})
        links.append(f'<{url}?{query}>; rel="next"')
    return tuple(("Link", link) for link in links)


def factor(owner: User, shown: Factor, base: str) -> JsonObject:
    """An enrolled factor."""
    body: JsonObject = {
        "id": shown.id,
        "factorType": shown.type,
        "provider": shown.provider,
        "vendorName": shown.provider,
        "status": shown.status,
    }
    if shown.type is not FactorType.EMAIL:
        body["created"] = shown.created
        body["lastUpdated"] = shown.created
    body["profile"] = _factor_profile(shown)
    body["_links"] = _factor_links(owner, shown, base)
    return body


def challenge(owner: User, sent: Factor, base: str) -> JsonObject:
    """A code is on its way; phones are named in full, an email address is not named."""
    body: JsonObject = {"factorResult": "CHALLENGE"}
    if sent.type is not FactorType.EMAIL:
        body["profile"] = _factor_profile(sent)
    url = _factor_url(owner, sent, base)
    body["_links"] = {
        "verify": _link(f"{url}/verify", "POST"),
        "factor": _link(url, "GET", "DELETE"),
    }
    return body


def verified() -> JsonObject:
    """The code was right."""
    return {"factorResult": "SUCCESS"}


def _user(shown: User, user_type_id: str) -> JsonObject:
    activated = None if shown.status is UserStatus.STAGED else shown.created
    return {
        "id": shown.id,
        "status": shown.status,
        "created": shown.created,
        "activated": activated,
        "statusChanged": activated,
        "lastLogin": None,
        "lastUpdated": shown.created,
        "passwordChanged": shown.created if shown.password else None,
        "type": {"id": user_type_id},
        "profile": {
            "firstName": shown.first_name,
            "lastName": shown.last_name,
            "mobilePhone": shown.mobile_phone,
            "secondEmail": None,
            "login": shown.login,
            "email": shown.email,
        },
    }


def _credentials(shown: User) -> JsonObject:
    password: JsonObject = {"password": {}} if shown.password else {}
    return {**password, "provider": {"type": "OKTA", "name": "OKTA"}}


def _user_links(shown: User, base: str, user_type_id: str) -> JsonObject:
    url = _user_url(shown, base)
    schema_id = "osc" + user_type_id.removeprefix("oty")
    links: JsonObject = {
        "self": {"href": url},
        "schema": {"href": f"{base}/api/v1/meta/schemas/user/{schema_id}"},
        "type": {"href": f"{base}/api/v1/meta/types/user/{user_type_id}"},
    }
    for step in _USER_STEPS[shown.status]:
        links[step] = {"href": f"{url}/{_STEP_PATHS[step]}", "method": "POST"}
    return links


def _factor_profile(shown: Factor) -> JsonObject:
    match shown.type:
        case FactorType.EMAIL:
            return {"email": shown.destination}
        case FactorType.SMS | FactorType.CALL:
            return {"phoneNumber": shown.destination}
        case FactorType.TOTP:
            return {"credentialId": shown.destination}
        case FactorType.QUESTION:
            text = _QUESTION_TEXTS[shown.destination]
            return {"question": shown.destination, "questionText": text}


def _factor_links(owner: User, shown: Factor, base: str) -> JsonObject:
    url = _factor_url(owner, shown, base)
    user_url = _user_url(owner, base)
    links: JsonObject = {"user": _link(user_url, "GET")}
    if shown.status is FactorStatus.PENDING_ACTIVATION:
        links["self"] = _link(url, "GET")
        links["activate"] = _link(f"{url}/lifecycle/activate", "POST")
        return links
    links["self"] = _link(url, "GET", "DELETE")
    if shown.type is FactorType.QUESTION:
        links["questions"] = _link(f"{user_url}/factors/questions", "GET")
    else:
        links["verify"] = _link(f"{url}/verify", "POST")
    return links


def _link(url: str, *methods: str) -> JsonObject:
    return {"href": url, "hints": {"allow": list(methods)}}


def _user_url(shown: User, base: str) -> str:
    return f"{base}/api/v1/users/{shown.id}"


def _factor_url(owner: User, shown: Factor, base: str) -> str:
    return f"{_user_url(owner, base)}/factors/{shown.id}"

"""Bodies and headers as Okta sends them; `base` is the result of `org_url`."""

import json
from dataclasses import dataclass
from urllib.parse import urlencode

from werkzeug import Request, Response

from tests.sandbox.okta.exceptions import OktaError, Refusal
from tests.sandbox.okta.limits import Quota
from tests.sandbox.okta.records import User, UserStatus

JsonObject = dict[str, object]

# The links of a user by status, as recorded. The org shows none for other statuses.
_USER_STEPS = {
    UserStatus.STAGED: "activate",
    UserStatus.ACTIVE: (
        "suspend resetPassword expirePassword changeRecoveryQuestion changePassword deactivate"
    ),
}
_PASSWORD_STEPS = frozenset({"expirePassword", "changePassword"})
# Where the path is not `lifecycle/` and the step's name.
_STEP_PATHS = {
    "resetPassword": "lifecycle/reset_password",
    "expirePassword": "lifecycle/expire_password",
    "changePassword": "credentials/change_password",
    "changeRecoveryQuestion": "credentials/change_recovery_question",
}
_CACHING_HEADERS = {
    "Vary": "Accept-Encoding",
    "cache-control": "no-cache, no-store",
    "pragma": "no-cache",
    "expires": "0",
}
# As recorded.
_WITHOUT_CACHING_HEADERS = frozenset({401, 429})


@dataclass(frozen=True)
class Answer:
    """The result of an operation. Bytes are sent as they are, anything else as JSON."""

    body: object
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


NO_CONTENT = Answer(b"", 204)


def org_url(request: Request) -> str:
    """The org's URL as the request has it, without a trailing slash."""
    return request.host_url.rstrip("/")


def on_the_wire(answer: Answer, quota: Quota, request_id: str) -> Response:
    """The HTTP response with Okta's own headers."""
    if isinstance(answer.body, bytes):
        response = Response(answer.body, status=answer.status)
        del response.headers["Content-Type"]
    else:
        body = json.dumps(answer.body, separators=(",", ":"), ensure_ascii=False)
        response = Response(body, status=answer.status, content_type="application/json")
    response.headers["x-okta-request-id"] = request_id
    response.headers["x-rate-limit-limit"] = str(quota.limit)
    response.headers["x-rate-limit-remaining"] = str(quota.remaining)
    response.headers["x-rate-limit-reset"] = str(quota.reset)
    if answer.status not in _WITHOUT_CACHING_HEADERS:
        response.headers.update(_CACHING_HEADERS)
    for name, value in answer.headers:
        response.headers.add(name, value)
    return response


def error(refusal: OktaError, error_id: str) -> Answer:
    body: JsonObject = {
        "errorCode": refusal.refusal.code,
        "errorSummary": refusal.summary,
        "errorLink": refusal.refusal.code,
        "errorId": error_id,
        "errorCauses": [{"errorSummary": cause} for cause in refusal.causes],
    }
    dead = refusal.refusal is Refusal.INVALID_TOKEN
    headers = (("www-authenticate", "SSWS"),) if dead else ()
    return Answer(body, refusal.refusal.status, headers)


def user(shown: User, base: str, user_type_id: str) -> JsonObject:
    """A user read by id or login."""
    body = _user(shown, user_type_id)
    body["credentials"] = {**_credentials(shown), "emails": _emails(shown)}
    body["_links"] = _user_links(shown, base, user_type_id)
    return body


def listed_user(shown: User, base: str, user_type_id: str) -> JsonObject:
    """A user in a list, which has only a link to itself."""
    body = _user(shown, user_type_id)
    body["credentials"] = _credentials(shown)
    body["_links"] = {"self": {"href": user_url(shown, base)}}
    return body


def page_links(
    base: str, asked: dict[str, str], limit: int, page: list[User]
) -> tuple[tuple[str, str], ...]:
    """The Link headers of a list; Okta has a next page even after the last one."""
    url = f"{base}/api/v1/users"
    links = [f'<{url}?{urlencode({"limit": limit, **asked})}>; rel="self"']
    if page:
        query = urlencode({"after": page[-1].id, "limit": limit, **asked})
        links.append(f'<{url}?{query}>; rel="next"')
    return tuple(("Link", link) for link in links)


def link(url: str, *methods: str) -> JsonObject:
    return {"href": url, "hints": {"allow": list(methods)}}


def user_url(shown: User, base: str) -> str:
    return f"{base}/api/v1/users/{shown.id}"


def _user(shown: User, user_type_id: str) -> JsonObject:
    activated = None if shown.status is UserStatus.STAGED else shown.activated or shown.created
    return {
        "id": shown.id,
        "status": shown.status,
        "created": shown.created,
        "activated": activated,
        "statusChanged": shown.status_changed or activated,
        "lastLogin": shown.last_login,
        "lastUpdated": shown.created,
        "passwordChanged": shown.created if shown.password else None,
        "type": {"id": user_type_id},
        "profile": {
            "firstName": shown.first_name,
            "lastName": shown.last_name,
            "mobilePhone": shown.mobile_phone,
            "secondEmail": shown.second_email,
            "login": shown.login,
            "email": shown.email,
            **shown.attributes,
        },
    }


def _credentials(shown: User) -> JsonObject:
    password: JsonObject = {"password": {}} if shown.password else {}
    return {**password, "provider": {"type": shown.provider, "name": shown.provider}}


def _emails(shown: User) -> list[JsonObject]:
    emails: list[JsonObject] = [{"value": shown.email, "status": "VERIFIED", "type": "PRIMARY"}]
    if shown.second_email is not None:
        emails.append({"value": shown.second_email, "status": "VERIFIED", "type": "SECONDARY"})
    return emails


def _user_links(shown: User, base: str, user_type_id: str) -> JsonObject:
    url = user_url(shown, base)
    schema_id = "osc" + user_type_id.removeprefix("oty")
    links: JsonObject = {
        "self": {"href": url},
        "schema": {"href": f"{base}/api/v1/meta/schemas/user/{schema_id}"},
        "type": {"href": f"{base}/api/v1/meta/types/user/{user_type_id}"},
    }
    for step in _USER_STEPS.get(shown.status, "").split():
        if shown.password is None and step in _PASSWORD_STEPS:
            continue
        path = _STEP_PATHS.get(step, f"lifecycle/{step}")
        links[step] = {"href": f"{url}/{path}", "method": "POST"}
    return links

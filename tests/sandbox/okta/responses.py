"""Bodies and headers as Okta sends them; `base` is the result of `org_url`."""

import hashlib
import json
from dataclasses import dataclass
from urllib.parse import urlencode

from werkzeug import Request, Response

from tests.sandbox.okta.exceptions import OktaError, Refusal
from tests.sandbox.okta.limits import Quota
from tests.sandbox.okta.records import User, UserStatus

JsonObject = dict[str, object]

# The links of a user by status, as recorded in 2025. The org shows none for other statuses.
_ACTIVE_STEPS = (
    "suspend resetPassword forgotPassword expirePassword changeRecoveryQuestion resetFactors "
    "changePassword deactivate"
)
_USER_STEPS = {
    UserStatus.STAGED: "activate resetFactors",
    UserStatus.ACTIVE: _ACTIVE_STEPS,
    UserStatus.PASSWORD_EXPIRED: _ACTIVE_STEPS,
    UserStatus.SUSPENDED: "unsuspend resetFactors deactivate",
}
_PASSWORD_STEPS = frozenset({"forgotPassword", "expirePassword", "changePassword"})
# Where the path is not `lifecycle/` and the step's name.
_STEP_PATHS = {
    "resetPassword": "lifecycle/reset_password",
    "forgotPassword": "credentials/forgot_password",
    "expirePassword": "lifecycle/expire_password",
    "resetFactors": "lifecycle/reset_factors",
    "changePassword": "credentials/change_password",
    "changeRecoveryQuestion": "credentials/change_recovery_question",
}
_DEAD_TOKEN = ("www-authenticate", "SSWS")
_CACHING_HEADERS = (
    ("Vary", "Accept-Encoding"),
    ("cache-control", "no-cache, no-store"),
    ("pragma", "no-cache"),
    ("expires", "0"),
)


@dataclass(frozen=True)
class Answer:
    """The result of an operation. Bytes are sent as they are, anything else as JSON."""

    body: object
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


NO_CONTENT = Answer(b"", 204)


def org_url(request: Request) -> str:
    """The org's URL as the request has it, without a trailing slash."""
    return f"{request.scheme}://{request.host}"


def on_the_wire(answer: Answer, quota: Quota, request_id: str) -> Response:
    """The HTTP response with Okta's own headers."""
    headers = [
        ("x-okta-request-id", request_id),
        ("x-rate-limit-limit", str(quota.limit)),
        ("x-rate-limit-remaining", str(quota.remaining)),
        ("x-rate-limit-reset", str(quota.reset)),
        *answer.headers,
    ]
    # As recorded: a refused API token and a full limit have no headers about caching.
    if answer.status != 429 and _DEAD_TOKEN not in answer.headers:
        headers += _CACHING_HEADERS
    if isinstance(answer.body, bytes):
        response = Response(answer.body, answer.status, headers)
        del response.headers["Content-Type"]
        return response
    body = json.dumps(answer.body, separators=(",", ":"), ensure_ascii=False)
    return Response(body, answer.status, headers, content_type="application/json")


def error(refusal: OktaError, error_id: str) -> Answer:
    body: JsonObject = {
        "errorCode": refusal.refusal.code,
        "errorSummary": refusal.summary,
        "errorLink": refusal.refusal.code,
        "errorId": error_id,
        "errorCauses": [{"errorSummary": cause} for cause in refusal.causes],
    }
    headers = (_DEAD_TOKEN,) if refusal.refusal is Refusal.INVALID_TOKEN else ()
    return Answer(body, refusal.refusal.status, headers)


def user(shown: User, base: str, user_type_id: str) -> JsonObject:
    """A user read by id or login."""
    body = _user(shown, user_type_id)
    body["credentials"] = {**credentials(shown), "emails": _emails(shown)}
    body["_links"] = _user_links(shown, base, user_type_id)
    return body


def listed_user(shown: User, base: str, user_type_id: str) -> JsonObject:
    """A user in a list, which has only a link to itself."""
    body = _user(shown, user_type_id)
    body["credentials"] = credentials(shown)
    body["_links"] = {"self": {"href": user_url(shown, base)}}
    return body


def page_links(
    base: str, asked: dict[str, str], limit: int, after: str | None
) -> tuple[tuple[str, str], ...]:
    """The Link headers of a list, whose next page comes after the user with this id."""
    url = f"{base}/api/v1/users"
    links = [f'<{url}?{urlencode({"limit": limit, **asked})}>; rel="self"']
    if after is not None:
        query = urlencode({"after": after, "limit": limit, **asked})
        links.append(f'<{url}?{query}>; rel="next"')
    return tuple(("Link", link) for link in links)


def link(url: str, *methods: str) -> JsonObject:
    return {"href": url, "hints": {"allow": list(methods)}}


def user_url(shown: User, base: str) -> str:
    return f"{base}/api/v1/users/{shown.id}"


def profile(shown: User) -> JsonObject:
    return {
        "firstName": shown.first_name,
        "lastName": shown.last_name,
        "mobilePhone": shown.mobile_phone,
        "secondEmail": shown.second_email,
        "login": shown.login,
        "email": shown.email,
        **shown.attributes,
    }


def credentials(shown: User) -> JsonObject:
    """What is shown of the ways in which a user signs in."""
    body: JsonObject = {"provider": {"type": shown.provider, "name": shown.provider}}
    if shown.password:
        body["password"] = {}
    if shown.recovery_question is not None:
        body["recovery_question"] = {"question": shown.recovery_question.question}
    return body


def etag(body: object) -> str:
    """The version of a user that is shown so, in the form that is recorded."""
    return f'W/"{hashlib.sha256(json.dumps(body).encode()).hexdigest()}"'


def _user(shown: User, user_type_id: str) -> JsonObject:
    return {
        "id": shown.id,
        "status": shown.status,
        "created": shown.created,
        "activated": shown.activated,
        "statusChanged": shown.status_changed,
        "lastLogin": shown.last_login,
        "lastUpdated": shown.last_updated or shown.created,
        "passwordChanged": (shown.password_changed or shown.created) if shown.password else None,
        "type": {"id": user_type_id},
        "profile": profile(shown),
    }


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

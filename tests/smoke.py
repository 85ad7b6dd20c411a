"""`make smoke`: check a running stack without sending anything to anybody.

All requests are about addresses that cannot exist. Left behind are the rows of two such addresses, and
in this hour's budgets two sends and two failures.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from tests.sandbox.aws import CLIENT_KEY

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TIMEOUT = (5.0, 30.0)
"""Seconds to connect and to wait; API Gateway itself gives up after 29."""

FOREIGN_ORIGIN = "https://smoke.example.invalid"
PROBLEM = {"type", "title", "status", "detail", "code", "request_id"}

REMEDIES = {
    "unauthorized": "The client key is refused. KEY must be one of those in the secret that the "
    "stack's output ServiceKeysSecretArn names. A new key works after five minutes.",
    "forbidden": "The client of this key may not do this. It needs the scope verify in the secret "
    "that the stack's output ServiceKeysSecretArn names.",
    "route_not_found": "There is no such route under URL. It must be the stack's output ApiUrl, with "
    "nothing behind the stage.",
    "okta_credentials_rejected": "Okta refuses the API token: it is wrong, revoked, unused for 30 "
    "days, or may not read users. Put a valid one into the secret that the stack's output "
    "OktaTokenSecretArn names: README, Rotate.",
    "okta_unavailable": "Okta does not answer. Look at the org's status page, at the parameter "
    "OktaOrgUrl, and at whether the functions can reach the internet.",
    "okta_rate_limited": "Okta's rate limit is used up, by whoever else calls this org. Wait a "
    "minute; if it lasts, look at the org's rate-limit dashboard.",
    "okta_unexpected_response": "What answers at the parameter OktaOrgUrl does not speak Okta's API. "
    "It must be the org's own origin, not that of its admin console.",
    "store_unavailable": "DynamoDB or Secrets Manager does not answer. Try again; if it lasts, look "
    "at the health of AWS in this region.",
    "deadline_exceeded": "The function ran out of time. Its log says under this request id whether "
    "Okta or the table is slow.",
    "rate_limited": "This caller has used up its sends of this hour (SendsPerClientHour, or "
    "SendsPerSourceHour without a key), or the gateway throttles this API: try again in a moment.",
    "internal_error": "The stack is misconfigured, or the code is faulty. The function's log says "
    "which under this request id: look for misconfigured or internal_error.",
}


class CheckFailed(Exception):
    """The text says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `problem` is empty if it passed."""

    check: str
    problem: str
    remark: str
    request_id: str


class Stack:
    """The API at a URL. `request_id` is that of the newest response."""

    def __init__(self, url: str, key: str, timeout: tuple[float, float] = TIMEOUT) -> None:
        self.key = key
        self.request_id = ""
        self._url = url
        self._timeout = timeout
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "customer-verification-smoke"

    def ask(
        self, method: str, path: str, body: object = None, *, key: str = "", origin: str = ""
    ) -> requests.Response:
        """The response. Raises CheckFailed if there is none."""

        def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
            """Set the header here, so that requests does not read a .netrc for it."""
            if key:
                request.headers["Authorization"] = f"Bearer {key}"
            return request

        self.request_id = ""
        try:
            response = self._session.request(
                method,
                self._url + path,
                json=body,
                headers={"Origin": origin} if origin else {},
                auth=authorize,
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.exceptions.SSLError:
            raise CheckFailed(
                "The host's TLS certificate is not accepted, or it speaks no TLS. A custom domain "
                "needs its certificate and a DNS record that leads to API Gateway."
            ) from None
        except requests.Timeout:
            raise CheckFailed(
                "There is no answer in time. Is a firewall or a proxy in between?"
            ) from None
        except requests.RequestException:
            raise CheckFailed(
                "Nothing answers there. URL must be the stack's output ApiUrl, or that of "
                "`make run`, and this machine must reach it."
            ) from None
        headers = response.headers
        # The second is the gateway's own, for answers that no route of a function has made.
        self.request_id = headers.get("X-Request-ID") or headers.get("x-amzn-RequestId", "")
        return response


def no_route(stack: Stack) -> str:
    """The gateway answers an unknown route itself."""
    response = stack.ask("GET", "/no-such-route")
    if (response.status_code, _code(response)) != (404, "route_not_found"):
        raise _unexpected(
            response,
            "404 route_not_found",
            "URL leads to something else. It must be the stack's output ApiUrl, with the stage at its "
            "end.",
        )
    return ""


def no_key(stack: Stack) -> str:
    """A route for clients only."""
    _require(stack.ask("GET", "/auth/factors/none"), 401, "unauthorized")
    return ""


def wrong_key(stack: Stack) -> str:
    """A wrong key is not treated as no key."""
    body = {"email": _nobody()}
    response = stack.ask("POST", "/challenge", body, key=secrets.token_urlsafe(24))
    _require_problem(response, 401, "unauthorized")
    return ""


def client_issue(stack: Stack) -> str:
    """Check the secrets, the client key, the table, and Okta's token and search."""
    response = stack.ask("POST", "/challenge", {"email": _nobody()}, key=stack.key)
    _require_problem(response, 404, "customer_not_found")
    return ""


def client_verify(stack: Stack) -> str:
    """The same for the other function."""
    body = {"email": _nobody(), "otp": "000000"}
    response = stack.ask("POST", "/verify", body, key=stack.key)
    _require_problem(response, 404, "customer_not_found")
    return ""


def unknown_challenge(stack: Stack) -> str:
    """An id that the service did not make."""
    body = {"challenge_id": f"ch_{secrets.token_urlsafe(33)}", "code": "000000"}
    _require_problem(stack.ask("POST", "/verify", body), 404, "challenge_not_found")
    return ""


def concealment(stack: Stack) -> str:
    """The public is told the same of an unknown email as of a customer."""
    email = _nobody()
    response = stack.ask("POST", "/challenge", {"email": email})
    if response.status_code == requests.codes.not_found:
        _require_problem(response, 404, "customer_not_found")
        return "ConcealUnknownCustomers is false: the public is told who is a customer"
    _require(response, 202)
    if email.partition("@")[0] in response.text:
        raise CheckFailed("The destination is shown to the public unmasked.")
    body = {"challenge_id": _object(response).get("challenge_id"), "code": "000000"}
    _require_problem(stack.ask("POST", "/verify", body), 403, "invalid_code")
    return "unknown customers are concealed"


def preflight(stack: Stack) -> str:
    """A page of an origin that is not allowed may not call."""
    response = stack.ask("OPTIONS", "/challenge", origin=FOREIGN_ORIGIN)
    if response.headers.get("Access-Control-Allow-Origin", "") in ("*", FOREIGN_ORIGIN):
        raise CheckFailed("Pages of any origin may call this API. Name yours in AllowedOrigins.")
    if response.status_code not in (204, 404):
        raise _unexpected(response, "204 or 404")
    return ""


def invoke_urls(stack: Stack) -> str:
    """Whether the invoke-URL routes are turned on."""
    response = stack.ask("GET", "/challenge")
    match response.status_code, response.headers.get("X-Outcome"):
        case 400, "missing_email":
            return "on: turn them off (InvokeUrlRoutes) once nobody needs them"
        case 404, "route_not_found":
            return "off"
    raise _unexpected(response, "400 or 404")


CHECKS: Mapping[str, Callable[[Stack], str]] = {
    "the API answers": no_route,
    "a route for clients refuses a call without a key": no_key,
    "a wrong client key is refused": wrong_key,
    "issue: a client is told that Okta knows nobody by this email": client_issue,
    "verify: a client is told that Okta knows nobody by this email": client_verify,
    "an unknown challenge is not found": unknown_challenge,
    "the public is not told who is a customer": concealment,
    "a page of another origin may not call": preflight,
    "GET /challenge and GET /verify": invoke_urls,
}


def findings(url: str, key: str) -> Iterator[Finding]:
    """One for each check; only the first if there is no API at the URL."""
    stack = Stack(url, key)
    for name, check in CHECKS.items():
        problem = remark = ""
        try:
            remark = check(stack)
        except CheckFailed as failure:
            problem = str(failure)
        yield Finding(name, problem, remark, stack.request_id)
        if problem and check is no_route:
            return


def main(environ: Mapping[str, str]) -> int:
    """Print a line for each check. Returns 0 if all passed, otherwise 1. Without a URL, check the
    sandbox of `make run`.
    """
    url = environ.get("URL", "").strip().rstrip("/")
    key = environ.get("KEY", "").strip()
    if not url:
        url, key = f"http://127.0.0.1:{environ.get('PORT', '3000')}", key or CLIENT_KEY
    if objection := _objection(url, key):
        print(objection)
        return 1
    print(f"Checking {url}")
    failed = 0
    for finding in findings(url, key):
        failed += bool(finding.problem)
        remark = f" ({finding.remark})" if finding.remark else ""
        verdict = "WRONG" if finding.problem else "ok"
        print(f"{verdict:5}  {finding.request_id:36}  {finding.check}{remark}")
        if finding.problem:
            print(textwrap.indent(textwrap.fill(finding.problem, 93), " " * 7))
    print(f"{failed} wrong." if failed else "All is well.")
    return 1 if failed else 0


def _objection(url: str, key: str) -> str:
    """Why no request is made with these."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "URL must be a URL, such as https://abc.execute-api.eu-west-1.amazonaws.com/prod."
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return "URL must be https: the client key would travel in the clear."
    if not key:
        return "KEY is not set. Put a client key into the environment."
    if not key.isascii() or not key.isprintable():
        return "KEY is not a client key: a header cannot hold it."
    return ""


def _nobody() -> str:
    """An address that cannot exist (RFC 2606), a new one each time."""
    return f"{secrets.token_hex(12)}@example.invalid"


def _require(response: requests.Response, status: int, code: str = "") -> None:
    if response.status_code != status or (code and _code(response) != code):
        raise _unexpected(response, f"{status} {code}".rstrip())
    if "X-Request-ID" not in response.headers:
        raise CheckFailed("The answer has no X-Request-ID, so that it cannot be found in the log.")
    if response.headers.get("Cache-Control") != "no-store":
        raise CheckFailed("The answer may be kept by caches: its Cache-Control is not no-store.")


def _require_problem(response: requests.Response, status: int, code: str) -> None:
    _require(response, status, code)
    if response.headers.get("Content-Type") != "application/problem+json":
        raise CheckFailed(
            "The error is not application/problem+json. Does a proxy rewrite answers?"
        )
    missing = PROBLEM - _object(response).keys()
    if missing:
        raise CheckFailed(f"The error lacks {', '.join(sorted(missing))}.")


def _unexpected(response: requests.Response, expected: str, remedy: str = "") -> CheckFailed:
    code = _code(response)
    remedy = REMEDIES.get(code, remedy)
    if not remedy and response.status_code == requests.codes.forbidden:
        remedy = "The gateway refuses the call: a WAF rule, a resource policy, or a wrong stage."
    answer = f"{response.status_code} {code}".rstrip()
    return CheckFailed(f"{remedy} The answer is {answer}, and not {expected}.".lstrip())


def _code(response: requests.Response) -> str:
    """The outcome in the body, or an empty text."""
    return str(_object(response).get("code", ""))


def _object(response: requests.Response) -> Mapping[str, object]:
    """The body, empty if it is not a JSON object."""
    try:
        body = json.loads(response.text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


if __name__ == "__main__":
    sys.exit(main(os.environ))

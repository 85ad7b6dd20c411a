"""`make smoke`: the half of the main job that harms nobody, against a stack that runs, in words.

Nobody is sent anything, and no customer's row is touched: all that is asked is about addresses that
cannot exist. Left behind are a decoy's row and two sends in the callers' budgets of this hour.
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
    "stack's output ServiceKeysSecretArn names; one that was put there is known after five minutes.",
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


class Wrong(Exception):
    """What is wrong and what to do, in words."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found out. `problem` is empty if all is well."""

    check: str
    problem: str
    remark: str
    request_id: str


class Stack:
    """The API under its URL; remembers the newest request id."""

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
        """The answer. Raises Wrong if there is none."""

        def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
            """In place of what a .netrc has for this host."""
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
            raise Wrong(
                "The host's TLS certificate is not accepted, or it speaks no TLS. A custom domain "
                "needs its certificate and a DNS record that leads to API Gateway."
            ) from None
        except requests.Timeout:
            raise Wrong(
                "There is no answer in time. Is a firewall or a proxy in between?"
            ) from None
        except requests.RequestException:
            raise Wrong(
                "Nothing answers there. URL must be the stack's output ApiUrl, or that of "
                "`make run`, and this machine must reach it."
            ) from None
        headers = response.headers
        # The second is the gateway's own, for answers that did not come from a function's route.
        self.request_id = headers.get("X-Request-ID") or headers.get("x-amzn-RequestId", "")
        return response


def no_route(stack: Stack) -> str:
    """The gateway's own answer, before any function."""
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
    """A route for clients alone."""
    _require(stack.ask("GET", "/auth/factors/none"), 401, "unauthorized")
    return ""


def wrong_key(stack: Stack) -> str:
    """A key that nobody has is never taken for none."""
    body = {"email": _nobody()}
    response = stack.ask("POST", "/challenge", body, key=secrets.token_urlsafe(24))
    _require_problem(response, 401, "unauthorized")
    return ""


def client_issue(stack: Stack) -> str:
    """Secrets, client key, table, Okta's token and search: all must work for this answer."""
    response = stack.ask("POST", "/challenge", {"email": _nobody()}, key=stack.key)
    _require_problem(response, 404, "customer_not_found")
    return ""


def client_verify(stack: Stack) -> str:
    """The same from the other function."""
    body = {"email": _nobody(), "otp": "000000"}
    response = stack.ask("POST", "/verify", body, key=stack.key)
    _require_problem(response, 404, "customer_not_found")
    return ""


def unknown_challenge(stack: Stack) -> str:
    """An id that this service did not make."""
    body = {"challenge_id": f"ch_{secrets.token_urlsafe(33)}", "code": "000000"}
    _require_problem(stack.ask("POST", "/verify", body), 404, "challenge_not_found")
    return ""


def decoy(stack: Stack) -> str:
    """What the public is told of nobody; the decoy's wrong code is counted, and no Okta asked."""
    email = _nobody()
    response = stack.ask("POST", "/challenge", {"email": email})
    if response.status_code == requests.codes.not_found:
        _require_problem(response, 404, "customer_not_found")
        return "ConcealUnknownCustomers is false: the public learns who is a customer"
    _require(response, 202)
    if email.partition("@")[0] in response.text:
        raise Wrong("The destination is shown to the public unmasked.")
    body = {"challenge_id": _object(response).get("challenge_id"), "code": "000000"}
    _require_problem(stack.ask("POST", "/verify", body, key=stack.key), 403, "invalid_code")
    return "unknown customers are concealed"


def preflight(stack: Stack) -> str:
    """A page of somebody else's gets no leave to call."""
    response = stack.ask("OPTIONS", "/challenge", origin=FOREIGN_ORIGIN)
    if response.headers.get("Access-Control-Allow-Origin", "") in ("*", FOREIGN_ORIGIN):
        raise Wrong("Pages of any origin may call this API. Name yours in AllowedOrigins.")
    if response.status_code not in (204, 404):
        raise _unexpected(response, "204 or 404")
    return ""


def invoke_urls(stack: Stack) -> str:
    """Whether the GET routes are on."""
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
    "a challenge that nobody began is unknown": unknown_challenge,
    "the public is told of nobody what it would be told of a customer": decoy,
    "a page of another origin is given no leave": preflight,
    "GET /challenge and GET /verify": invoke_urls,
}


def findings(url: str, key: str) -> Iterator[Finding]:
    """One for each check; none after the first if that finds no API."""
    stack = Stack(url, key)
    for name, check in CHECKS.items():
        problem = remark = ""
        try:
            remark = check(stack)
        except Wrong as wrong:
            problem = str(wrong)
        yield Finding(name, problem, remark, stack.request_id)
        if problem and check is no_route:
            return


def main(environ: Mapping[str, str]) -> int:
    """Print a line for each check; 0 if all is well, 1 if not. Without a URL: what `make run` runs."""
    url = environ.get("URL", "").strip().rstrip("/")
    key = environ.get("KEY", "").strip()
    if not url:
        url, key = f"http://127.0.0.1:{environ.get('PORT', '3000')}", key or CLIENT_KEY
    if objection := _objection(url, key):
        print(objection)
        return 1
    print(f"Checking {url}")
    wrong = 0
    for finding in findings(url, key):
        wrong += bool(finding.problem)
        remark = f" ({finding.remark})" if finding.remark else ""
        verdict = "WRONG" if finding.problem else "ok"
        print(f"{verdict:5}  {finding.request_id:36}  {finding.check}{remark}")
        if finding.problem:
            print(textwrap.indent(textwrap.fill(finding.problem, 93), " " * 7))
    print(f"{wrong} wrong." if wrong else "All is well.")
    return 1 if wrong else 0


def _objection(url: str, key: str) -> str:
    """Why these are not used at all."""
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
    """An address that cannot exist (RFC 2606), another each time so that nothing is remembered."""
    return f"{secrets.token_hex(12)}@example.invalid"


def _require(response: requests.Response, status: int, code: str = "") -> None:
    if response.status_code != status or (code and _code(response) != code):
        raise _unexpected(response, f"{status} {code}".rstrip())
    if "X-Request-ID" not in response.headers:
        raise Wrong("The answer has no X-Request-ID, so that it cannot be found in the log.")
    if response.headers.get("Cache-Control") != "no-store":
        raise Wrong("The answer may be kept by caches: its Cache-Control is not no-store.")


def _require_problem(response: requests.Response, status: int, code: str) -> None:
    _require(response, status, code)
    if response.headers.get("Content-Type") != "application/problem+json":
        raise Wrong("The error is not application/problem+json. Does a proxy rewrite answers?")
    missing = PROBLEM - _object(response).keys()
    if missing:
        raise Wrong(f"The error lacks {', '.join(sorted(missing))}.")


def _unexpected(response: requests.Response, expected: str, remedy: str = "") -> Wrong:
    code = _code(response)
    remedy = REMEDIES.get(code, remedy)
    if not remedy and response.status_code == requests.codes.forbidden:
        remedy = "The gateway refuses the call: a WAF rule, a resource policy, or a wrong stage."
    answer = f"{response.status_code} {code}".rstrip()
    return Wrong(f"{remedy} The answer is {answer}, and not {expected}.".lstrip())


def _code(response: requests.Response) -> str:
    """The outcome that the answer names, if it names one."""
    return str(_object(response).get("code", ""))


def _object(response: requests.Response) -> Mapping[str, object]:
    """The body; empty if it is no JSON object."""
    try:
        body = json.loads(response.text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


if __name__ == "__main__":
    sys.exit(main(os.environ))

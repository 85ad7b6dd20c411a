"""`make smoke`: check a running stack, and with EMAIL prove a real customer: you.

Without EMAIL nobody is sent anything: all requests are about addresses that cannot exist, and leave
only a few rows and log lines. Without URL it checks `make run`.
"""

from __future__ import annotations

import json
import secrets
import sys
import textwrap
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import requests

from deploy.okta_token import secretly
from deploy.stack import Problem, run

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SANDBOX_KEY = "sk_sandbox_0000000000000000"
TIMEOUT = (5.0, 30.0)
"""Seconds to connect and to wait; API Gateway itself gives up after 29."""

FOREIGN_ORIGIN = "https://smoke.example.invalid"

REMEDIES = {
    "unauthorized": "The client key is refused. KEY must be one of those in the secret that the "
    "stack's output ServiceKeysSecretArn names (make client). A new key works within five minutes.",
    "forbidden": "The client of this key may not do this. It needs the scope verify.",
    "route_not_found": "There is no such route under URL. It must be the stack's output ApiUrl, with "
    "nothing behind the stage.",
    "okta_credentials_rejected": "Okta refuses the API token (it is wrong, revoked, unused for 30 days, "
    "or may not read users: make token puts in another) or the service app (it lacks its key set, a "
    "scope or its admin role: docs/okta.md).",
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
    "rate_limited": "This caller has used up its sends of this hour (the parameter Limits). Try later.",
    "internal_error": "The service has a bug or a wrong setting; the function's log says which under "
    "this request id.",
    "customer_not_found": "Okta knows nobody by this EMAIL, or the credential may not see its user.",
    "factor_not_enrolled": "The Okta user of EMAIL has no email factor with this address. The enrollment "
    "policy decides whether Okta enrolls email by itself: docs/okta.md.",
    "send_limited": "A code was sent to EMAIL a moment ago. Wait, and try again.",
    "attempts_held": "EMAIL has had too many wrong codes. Sign in at Okta, or release it: docs/operate.md.",
}
"""What to do about an outcome, for whoever runs the stack."""


class Api:
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
        """The response. Raises Problem if there is none."""

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
            raise Problem(
                "The host's TLS certificate is not accepted, or it speaks no TLS. A host of your own "
                "needs its certificate and a DNS record that leads to API Gateway."
            ) from None
        except requests.Timeout:
            raise Problem(
                "There is no answer in time. Is a firewall or a proxy in between?"
            ) from None
        except requests.RequestException:
            raise Problem(
                "Nothing answers there. URL must be the stack's output ApiUrl, or that of `make run`, "
                "and this machine must reach it."
            ) from None
        headers = response.headers
        # The second is the gateway's own, for answers that no route of a function has made.
        self.request_id = headers.get("X-Request-ID") or headers.get("x-amzn-RequestId", "")
        return response

    def expect(
        self, status: int, code: str, method: str, path: str, body: object = None, **options: str
    ) -> Mapping[str, object]:
        """The body of an answer that must have this status and outcome. Raises Problem."""
        response = self.ask(method, path, body, **options)
        answer = _object(response)
        outcome = str(answer.get("code", ""))
        if (response.status_code, outcome) != (status, code):
            remedy = REMEDIES.get(outcome, "")
            if not remedy and response.status_code == requests.codes.forbidden:
                remedy = (
                    "The gateway refuses the call: a WAF rule, a resource policy, or a wrong stage."
                )
            told = f"{response.status_code} {outcome}".rstrip()
            raise Problem(f"{remedy} The answer is {told}, not {status} {code}".strip() + ".")
        return answer


def no_route(api: Api) -> None:
    """The gateway answers an unknown route itself."""
    response = api.ask("GET", "/no-such-route")
    if (response.status_code, _object(response).get("code")) != (404, "route_not_found"):
        raise Problem(
            "URL leads to something else. It must be the stack's output ApiUrl, with the stage at its "
            f"end. The answer is {response.status_code}."
        )


def wrong_key(api: Api) -> None:
    """A wrong key is not treated as no key."""
    body = {"email": _nobody()}
    api.expect(401, "unauthorized", "POST", "/challenge", body, key=secrets.token_urlsafe(24))


def issue(api: Api) -> None:
    """Check the secrets, the client key, the table, and Okta's credential and search."""
    body = {"email": _nobody()}
    api.expect(404, "customer_not_found", "POST", "/challenge", body, key=api.key)


def verify(api: Api) -> None:
    """The same for the other function."""
    body = {"email": _nobody(), "code": "000000"}
    api.expect(404, "customer_not_found", "POST", "/verify", body, key=api.key)


def other_origin(api: Api) -> None:
    """A page of an origin that is not allowed may not call."""
    response = api.ask("OPTIONS", "/challenge", origin=FOREIGN_ORIGIN)
    if response.headers.get("Access-Control-Allow-Origin", "") in ("*", FOREIGN_ORIGIN):
        raise Problem("Pages of any origin may call this API. Name yours in AllowedOrigins.")


CHECKS: Mapping[str, Callable[[Api], None]] = {
    "the API answers": no_route,
    "a wrong client key is refused": wrong_key,
    "issue: a client is told that Okta knows nobody by this email": issue,
    "verify: a client is told that Okta knows nobody by this email": verify,
    "a page of another origin may not call": other_origin,
}


def check(api: Api) -> int:
    """Print a line for each check, and return how many failed; only the first if there is no API."""
    failed = 0
    for name, make in CHECKS.items():
        problem = ""
        try:
            make(api)
        except Problem as found:
            problem = str(found)
        print(f"{'WRONG' if problem else 'ok':5}  {api.request_id:36}  {name}")
        if problem:
            failed += 1
            print(textwrap.indent(textwrap.fill(problem, 93), " " * 7))
            if make is no_route:
                break
    return failed


def prove(api: Api, email: str, ask: Callable[[str], str]) -> None:
    """Send the customer a code, ask for it, and check it. Raises Problem."""
    sent = api.expect(202, "", "POST", "/challenge", {"email": email, "receipt": True}, key=api.key)
    while True:
        code = ask(f"The code that was sent to {sent['destination']}: ").strip()
        body = {"challenge_id": sent["challenge_id"], "code": code}
        response = api.ask("POST", "/verify", body, key=api.key)
        answer = _object(response)
        wrong = answer.get("code") in ("invalid_code", "invalid_code_format")
        # The last attempts before Okta's lock are not for trying out.
        if not wrong or int(str(answer.get("attempts_remaining", 2))) <= 1:
            break
        print(f"{answer['title']} Once more.")
    if answer.get("status") != "verified":
        told = f"{response.status_code} {answer.get('code', '')}".rstrip()
        remedy = REMEDIES.get(str(answer.get("code")), "The code was not accepted.")
        raise Problem(f"{remedy} The answer is {told} (request {api.request_id}).")
    print("verified")
    if "receipt" not in answer:
        raise Problem(
            "But there is no receipt: KMS does not sign. Look at the parameter ReceiptKeyArn and at "
            f"the function's log under {api.request_id}."
        )


def smoke(environ: Mapping[str, str], ask: Callable[[str], str] = input) -> None:
    """Check, and prove EMAIL if it is given. Raises Problem."""
    url = environ.get("URL", "").strip().rstrip("/")
    key = environ.get("KEY", "").strip()
    if not url:
        url, key = f"http://127.0.0.1:{environ.get('PORT', '3000')}", key or SANDBOX_KEY
    _refuse_unsafe(url)
    api = Api(url, _key(key or secretly("A client key (it is not shown): ").strip()))
    print(f"Checking {url}")
    failed = check(api)
    if failed:
        raise Problem(f"{failed} wrong.")
    if environ.get("EMAIL"):
        prove(api, environ["EMAIL"], ask)
    print("All is well.")


def _refuse_unsafe(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Problem(
            "URL must be a URL, such as https://abc.execute-api.eu-west-1.amazonaws.com/prod."
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise Problem("URL must be https: the client key would travel in the clear.")


def _key(key: str) -> str:
    if not key or not key.isascii() or not key.isprintable():
        raise Problem("KEY is not a client key: make client prints one.")
    return key


def _nobody() -> str:
    """An address that cannot exist (RFC 2606), a new one each time."""
    return f"{secrets.token_hex(12)}@example.invalid"


def _object(response: requests.Response) -> Mapping[str, object]:
    """The body, empty if it is not a JSON object."""
    try:
        body = json.loads(response.text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    run(smoke)

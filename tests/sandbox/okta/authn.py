"""The Authentication API: sign in with a password and, if needed, a factor.

Anyone may call it. An API token makes the caller a trusted application, whose X-Forwarded-For Okta
believes; it changes nothing here. Assumed: a request without a state token is answered like one
with a dead token.
"""

from collections.abc import Callable

from werkzeug import Request

from tests.sandbox.okta import authn_responses
from tests.sandbox.okta.exceptions import validation_failed
from tests.sandbox.okta.factor_enrollment import new_factor
from tests.sandbox.okta.faults import On
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import json_object, nested, text
from tests.sandbox.okta.responses import Answer, JsonObject, org_url
from tests.sandbox.okta.routing import Access, Route
from tests.sandbox.okta.transactions import SignInOptions, Transaction


def sign_in(org: Org, request: Request) -> Answer:
    """Begin a sign-in, or report the step of the one with this state token."""
    body = json_object(request)
    if text(body, "stateToken") is not None:
        return _answer(_current(org, body), request)
    login, password = text(body, "username"), text(body, "password")
    if login is None or password is None:
        raise validation_failed(
            "authRequest", "The 'username' and 'password' attributes are required in this context."
        )
    several_factors = nested(body, "options").get("multiOptionalFactorEnroll") is True
    options = SignInOptions(text(body, "relayState"), several_factors)
    return _answer(org.transactions.begin(login, password, options), request)


def cancel(org: Org, request: Request) -> Answer:
    transaction = _current(org, json_object(request))
    org.transactions.cancel(transaction)
    relay_state = transaction.options.relay_state
    return Answer({} if relay_state is None else {"relayState": relay_state})


def _step(take: Callable[..., None]) -> Callable[..., Answer]:
    """An operation that takes a step of the sign-in in the body and answers its new state."""

    def operation(org: Org, request: Request, **path: str) -> Answer:
        body = json_object(request)
        transaction = _current(org, body)
        take(org.transactions, transaction, body, **path)
        return _answer(transaction, request)

    return operation


def _current(org: Org, body: JsonObject) -> Transaction:
    return org.transactions.current(text(body, "stateToken") or "")


def _code(body: JsonObject, name: str) -> str | None:
    """A code or answer; None if it is absent or empty, as the sign-in widget sends it at first."""
    given = body.get(name)
    return str(given) if given not in (None, "") else None


def _answer(transaction: Transaction, request: Request) -> Answer:
    return Answer(authn_responses.transaction(transaction, org_url(request)))


def _given(body: JsonObject) -> dict[str, str | None]:
    return {"passcode": _code(body, "passCode"), "answer": _code(body, "answer")}


_AUTHN = "/api/v1/authn"
_FACTORS = f"{_AUTHN}/factors"
_FACTOR = f"{_FACTORS}/<factor_id>"

ROUTES = tuple(
    Route("POST", path, Bucket.AUTHN, On.AUTHN, handler, Access.ANYONE)
    for path, handler in (
        (_AUTHN, sign_in),
        (f"{_AUTHN}/cancel", cancel),
        (f"{_AUTHN}/previous", _step(lambda steps, at, _: steps.go_back(at))),
        (f"{_AUTHN}/skip", _step(lambda steps, at, _: steps.skip(at))),
        (_FACTORS, _step(lambda steps, at, body: steps.enrol(at, new_factor(body)))),
        (
            f"{_FACTOR}/verify",
            _step(lambda steps, at, body, factor_id: steps.verify(at, factor_id, **_given(body))),
        ),
        (
            f"{_FACTOR}/verify/resend",
            _step(lambda steps, at, _, factor_id: steps.send_again(at, factor_id)),
        ),
        (
            f"{_FACTOR}/lifecycle/activate",
            _step(
                lambda steps, at, body, factor_id: steps.activate(
                    at, factor_id, _code(body, "passCode") or ""
                )
            ),
        ),
        (
            f"{_FACTOR}/lifecycle/resend",
            _step(lambda steps, at, _, factor_id: steps.send_activation_again(at, factor_id)),
        ),
    )
)

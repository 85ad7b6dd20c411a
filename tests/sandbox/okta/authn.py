"""The Authentication API: sign in with a password and, where it takes one, a factor.

Anyone may call it; with the API token the caller is a trusted application, which changes nothing
here but who is believed about the customer's address. Assumed: a request without a state token is
answered as one with a dead token.
"""

from werkzeug import Request

from tests.sandbox.okta import authn_responses
from tests.sandbox.okta.exceptions import ValidationFailedError
from tests.sandbox.okta.factor_enrollment import wished_factor
from tests.sandbox.okta.faults import On
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import json_object, nested, text
from tests.sandbox.okta.responses import Answer, JsonObject, org_url
from tests.sandbox.okta.routing import Access, Route
from tests.sandbox.okta.transactions import Transaction, Wanted


def sign_in(org: Org, request: Request) -> Answer:
    """Begin with a login and a password, or report where a sign-in is."""
    body = json_object(request)
    if text(body, "stateToken") is not None:
        return _answer(_current(org, body), request)
    login, password = text(body, "username"), text(body, "password")
    if login is None or password is None:
        raise ValidationFailedError(
            "authRequest", "The 'username' and 'password' attributes are required in this context."
        )
    several_factors = nested(body, "options").get("multiOptionalFactorEnroll") is True
    wanted = Wanted(text(body, "relayState"), several_factors)
    return _answer(org.transactions.begin(login, password, wanted), request)


def verify(org: Org, request: Request, factor_id: str) -> Answer:
    """Challenge a factor, or check the code or answer in the body."""
    body = json_object(request)
    transaction = _current(org, body)
    org.transactions.verify(
        transaction, factor_id, passcode=_code(body, "passCode"), answer=_code(body, "answer")
    )
    return _answer(transaction, request)


def send_again(org: Org, request: Request, factor_id: str) -> Answer:
    """Send another code."""
    transaction = _current(org, json_object(request))
    org.transactions.send_again(transaction, factor_id)
    return _answer(transaction, request)


def enrol(org: Org, request: Request) -> Answer:
    """Enrol a factor on the way in."""
    body = json_object(request)
    transaction = _current(org, body)
    org.transactions.enrol(transaction, wished_factor(body))
    return _answer(transaction, request)


def activate(org: Org, request: Request, factor_id: str) -> Answer:
    """Activate the factor enrolled on the way in."""
    body = json_object(request)
    transaction = _current(org, body)
    org.transactions.activate(transaction, factor_id, _code(body, "passCode") or "")
    return _answer(transaction, request)


def send_activation_again(org: Org, request: Request, factor_id: str) -> Answer:
    """Send another activation code."""
    transaction = _current(org, json_object(request))
    org.transactions.send_activation_again(transaction, factor_id)
    return _answer(transaction, request)


def go_back(org: Org, request: Request) -> Answer:
    """Go back and choose another factor."""
    transaction = _current(org, json_object(request))
    org.transactions.go_back(transaction)
    return _answer(transaction, request)


def skip(org: Org, request: Request) -> Answer:
    """Enrol no more factors."""
    transaction = _current(org, json_object(request))
    org.transactions.skip(transaction)
    return _answer(transaction, request)


def cancel(org: Org, request: Request) -> Answer:
    """End a sign-in."""
    transaction = _current(org, json_object(request))
    org.transactions.cancel(transaction)
    relay_state = transaction.wanted.relay_state
    return Answer({} if relay_state is None else {"relayState": relay_state})


def _current(org: Org, body: JsonObject) -> Transaction:
    return org.transactions.current(text(body, "stateToken") or "")


def _code(body: JsonObject, name: str) -> str | None:
    given = body.get(name)
    return None if given is None else str(given)


def _answer(transaction: Transaction, request: Request) -> Answer:
    return Answer(authn_responses.transaction(transaction, org_url(request)))


_AUTHN = "/api/v1/authn"
_FACTORS = f"{_AUTHN}/factors"
_FACTOR = f"{_FACTORS}/<factor_id>"

ROUTES = tuple(
    Route("POST", path, Bucket.AUTHN, On.AUTHN, carry_out, Access.ANYONE)
    for path, carry_out in (
        (_AUTHN, sign_in),
        (f"{_FACTOR}/verify", verify),
        (f"{_FACTOR}/verify/resend", send_again),
        (_FACTORS, enrol),
        (f"{_FACTOR}/lifecycle/activate", activate),
        (f"{_FACTOR}/lifecycle/resend", send_activation_again),
        (f"{_AUTHN}/previous", go_back),
        (f"{_AUTHN}/skip", skip),
        (f"{_AUTHN}/cancel", cancel),
    )
)

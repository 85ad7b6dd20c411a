"""The use cases of a sign-in: a password, then a factor, as Okta's Authentication API takes them.

Okta leads the customer from step to step, and its answers are passed on as they are. What this
service adds is what Okta does not do: budgets for passwords, limits for codes that are sent, and
the customer's four wrong codes in a row, shared with every other way of trying one.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from verification import errors, policy
from verification.aws import callers, sign_ins
from verification.models import (
    Call,
    Challenge,
    ChallengeStatus,
    Channel,
    Credentials,
    EnrolStep,
    FactorStep,
    KnownSignIn,
    SignInState,
)
from verification.okta.authn import QUESTION, SENT, SILENT, StepNotTaken
from verification.pace import CHECK_CALLS
from verification.resources import Resources
from verification.sending import NEVER_REACHED_OKTA, send_code, send_enrolment, when_free

Document = Mapping[str, Any]

_NOT_CHECKED = (*NEVER_REACHED_OKTA, errors.SignInEnded, StepNotTaken)
"""After these it is certain that Okta has compared no code."""

_PASSED = ("SUCCESS", "MFA_ENROLL", "PASSWORD_EXPIRED", "PASSWORD_WARN")
"""Where a sign-in can only be once a code was accepted."""


class SignIn:
    """One step of a sign-in at a time."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._keys = resources.keys
        self._rows = resources.store.customers
        self._limits = resources.limits
        self._meter = resources.meter
        self._pace = resources.pace

    def begin(self, credentials: Credentials, call: Call) -> SignInState:
        """Check a password. Raises RateLimited, InvalidCredentials; to the public that is also
        what a locked or inactive customer ends with, and takes as long.
        """
        self._require_redirect(credentials.redirect_url)
        now = self._resources.now()
        identity = self._keys.identities().of_login(credentials.username)
        self._meter.note(identity=identity)
        self._limits.spend_password(call.caller, identity, now)
        started = self._pace.started()
        try:
            document = self._first_step(credentials, call)
        except errors.InvalidCredentials:
            if not self._resources.conceals(call.caller):
                raise
            self._pace.hold_back(started, CHECK_CALLS, call.deadline)
            # Not in Okta's words, which it does not have for everybody who ends here.
            raise errors.InvalidCredentials from None
        except NEVER_REACHED_OKTA:
            self._limits.refund_password(call.caller, identity, now)
            raise
        if document.get("status") != "LOCKED_OUT":
            self._limits.refund_password(call.caller, identity, now)
        self._remember(document, KnownSignIn("", {}, redirect_url=credentials.redirect_url))
        return self._state(document, credentials.redirect_url)

    def resume(self, state_token: str, call: Call) -> SignInState:
        """Where a sign-in is. Raises SignInEnded."""
        document = self._ask((), {"stateToken": state_token}, call)
        return self._state(document)

    def verify(self, step: FactorStep, call: Call) -> SignInState:
        """Challenge a factor, or check a code or an answer. Raises what `Challenges` raises for
        the one and the other.
        """
        self._require_redirect(step.redirect_url)
        known = self._known(step.state_token, call)
        kind = _type_of(step.factor_id, known)
        # Of the two only the one that the factor knows: with the other, Okta would send a code.
        proof = {"answer": step.answer} if kind == QUESTION else {"passCode": step.code}
        path = ("factors", step.factor_id, "verify")
        if any(proof.values()):
            ask = partial(self._ask, path, proof | _token(step), call, step.parameters)
            is_sent = known.factors.get(step.factor_id) in SENT
            sent_for = self._name(step.state_token) if is_sent else None
            document = self._attempt(known, ask, call, self._rows.succeeded, sent_for)
        else:
            known = self._with_identity(known, kind, step.state_token, call)
            document = self._challenge(known, kind, path, step, call)
        known = self._remember(document, known)
        return self._state(document, step.redirect_url or known.redirect_url)

    def send_again(self, step: FactorStep, call: Call) -> SignInState:
        """Another code of the factor. Raises SendLimited, AttemptsHeld."""
        known = self._known(step.state_token, call)
        path = ("factors", step.factor_id, "verify", "resend")
        kind = _type_of(step.factor_id, known)
        known = self._with_identity(known, kind, step.state_token, call)
        return self._state(self._challenge(known, kind, path, step, call))

    def enrol(self, step: EnrolStep, call: Call) -> SignInState:
        """Enrol a factor where Okta asks for one. Raises SendLimited, SignInRefused."""
        known = self._known(step.state_token, call)
        body = {**step.more, "factorType": step.type, "stateToken": step.state_token}
        ask = partial(self._ask, ("factors",), body, call)
        kind = _supported(step.type)
        known = self._with_identity(known, kind, step.state_token, call)
        document = self._first_code(known, kind, call, ask)
        self._remember(document, known)
        return self._state(document)

    def send_first_code_again(self, step: FactorStep, call: Call) -> SignInState:
        """Another code for the activation of a factor. Raises SendLimited."""
        known = self._known(step.state_token, call)
        path = ("factors", step.factor_id, "lifecycle", "resend")
        ask = partial(self._ask, path, _token(step), call)
        kind = _type_of(step.factor_id, known)
        known = self._with_identity(known, kind, step.state_token, call)
        return self._state(self._first_code(known, kind, call, ask))

    def activate(self, step: FactorStep, call: Call) -> SignInState:
        """Activate a factor that was enrolled in this sign-in, with its first code."""
        self._require_redirect(step.redirect_url)
        known = self._known(step.state_token, call)
        path = ("factors", step.factor_id, "lifecycle", "activate")
        body = {"passCode": step.code} | _token(step) if step.code else _token(step)
        ask = partial(self._ask, path, body, call)
        document = self._attempt(known, ask, call, self._rows.step_activated)
        if known.identity:
            self._resources.store.emails.forget(known.identity)
        known = self._remember(document, known)
        return self._state(document, step.redirect_url or known.redirect_url)

    def move(self, where: str, state_token: str, call: Call) -> SignInState:
        """`previous`, `skip` or `cancel`."""
        ask = partial(self._ask, (where,), {"stateToken": state_token}, call)
        if where == "cancel":
            return self._state(ask())
        known = self._known(state_token, call)
        document = ask()
        return self._state(document, self._remember(document, known).redirect_url)

    def _first_step(self, credentials: Credentials, call: Call) -> Document:
        body = {
            **credentials.more,
            "username": credentials.username,
            "password": credentials.password,
        }
        try:
            document = self._ask((), body, call)
        except errors.SignInEnded:  # there was none yet: it is the API token that Okta means
            raise errors.OktaCredentialsRejected from None
        except (errors.CustomerRefused, errors.SignInRefused) as refused:
            if not self._resources.conceals(call.caller):
                raise
            self._meter.note(concealed=refused.code)
            raise errors.InvalidCredentials from None
        if document.get("status") == "LOCKED_OUT" and self._resources.conceals(call.caller):
            self._meter.note(concealed=errors.CustomerLocked.code)
            raise errors.InvalidCredentials
        return document

    def _ask(
        self,
        path: tuple[str, ...],
        body: Mapping[str, object],
        call: Call,
        parameters: Mapping[str, str] | None = None,
    ) -> Document:
        return self._resources.authn.step(path, body, call, parameters)

    def _attempt(
        self,
        known: KnownSignIn,
        ask: Callable[[], Document],
        call: Call,
        settle_right: Callable[[str, str], None],
        sent_for: str | None = None,
    ) -> Document:
        """Reserve, ask, settle: whatever goes wrong after the reservation, the attempt counts,
        unless it is certain that Okta compared no code.

        A code that was sent is good only if none was sent since for anything but `sent_for`: Okta
        itself takes the newest, whatever the customer was told that it is for.
        """
        customer = self._keys.identities().of_user(known.user_id)
        attempt = secrets.token_hex(8)
        now = self._resources.now()
        state = when_free(
            lambda: self._rows.reserve_step(customer, attempt, self._resources.now()),
            self._resources,
            call,
        )
        try:
            if sent_for and (state.newest is None or state.newest.reference != sent_for):
                raise errors.InvalidCode
            document = ask()
        except _NOT_CHECKED:
            self._rows.released(customer, attempt, now)
            raise
        except errors.VerificationError as failure:
            remaining = self._rows.count(customer, attempt, state)
            if isinstance(failure, errors.InvalidCode):
                failure.attempts_remaining = remaining
                self._limits.count_failure(call.caller, now)
            else:
                failure.may_have_acted = True
            raise
        if document.get("status") in _PASSED:
            settle_right(customer, attempt)
        else:
            self._rows.count(customer, attempt, state)
        return document

    def _challenge(
        self, known: KnownSignIn, kind: str, path: tuple[str, ...], step: FactorStep, call: Call
    ) -> Document:
        """Have Okta challenge the factor; where that sends a code, within the limits of sends, and
        in place of any challenge that was open.
        """
        ask = partial(self._ask, path, _token(step), call, step.parameters)
        if kind not in SENT:
            return ask()
        identities, now = self._keys.identities(), self._resources.now()
        customer = identities.of_user(known.user_id)
        self._meter.note(identity=known.identity, channel=kind)
        challenge = Challenge(
            id=identities.new_challenge_id(customer),
            status=ChallengeStatus.SENDING,
            channel=Channel(kind),
            identity=known.identity,
            user_id="",
            factor_id="",
            destination="",
            sent_at=now,
            expires_at=now + self._resources.settings.challenge_lifetime,
            client=call.caller.client,
            reference=self._name(step.state_token),
        )
        document = send_code(self._resources, challenge, customer, call, ask)[1]
        self._meter.note(outcome="sent")
        return document

    def _first_code(
        self, known: KnownSignIn, kind: str, call: Call, ask: Callable[[], Document]
    ) -> Document:
        """Enrol, or send again; where that sends a code, within the limits of sends."""
        if kind not in SENT:
            return ask()
        self._meter.note(identity=known.identity, channel=kind)
        return send_enrolment(self._resources, known.identity, call, ask)

    def _with_identity(
        self, known: KnownSignIn, kind: str, state_token: str, call: Call
    ) -> KnownSignIn:
        """With the identity of the customer's email, under which what is sent is counted."""
        if known.identity or kind not in SENT:
            return known
        try:
            user = self._resources.users.get(known.user_id, call)
        except errors.VerificationError as failure:
            failure.okta_error = None  # it is about this look, and not about the sign-in
            raise
        identity = self._keys.identities().of_email(policy.parse_email(user.email))
        known = replace(known, identity=identity)
        self._keep(state_token, known)
        return known

    def _known(self, state_token: str, call: Call) -> KnownSignIn:
        """What is known of a sign-in, asked of Okta if it began elsewhere. Raises RateLimited,
        SignInEnded.
        """
        wanted = [sign_ins.key_of(self._name(state_token))]
        if budget := self._limits.failures_row(call.caller):
            wanted.append(budget)
        attributes = (*sign_ins.SEALED, *callers.BUDGET)
        rows = self._resources.store.table.get(*wanted, attributes=attributes)
        if budget:
            self._limits.require_failures_left(rows[1], self._resources.now())
        sealed = sign_ins.sealed_of(rows[0])
        context = _context(state_token)
        content = self._keys.identities().unseal(context, sealed) if sealed else None
        if content is not None:
            return KnownSignIn(**json.loads(content))
        document = self._ask((), {"stateToken": state_token}, call)
        known = self._remember(document, KnownSignIn("", {}))
        if not known.user_id:
            raise errors.OktaUnexpectedResponse
        return known

    def _remember(self, document: Document, known: KnownSignIn) -> KnownSignIn:
        """Keep what a document says of whose sign-in it is and of its factors."""
        match document:
            case {"stateToken": str(state_token), "_embedded": {"user": {"id": str(user_id)}}}:
                factors = {**known.factors, **_factors(document["_embedded"])}
                now_known = replace(known, user_id=user_id, factors=factors)
                if now_known != known:
                    self._keep(state_token, now_known)
                return now_known
        return known

    def _keep(self, state_token: str, known: KnownSignIn) -> None:
        sealed = self._keys.identities().seal(_context(state_token), json.dumps(asdict(known)))
        self._resources.store.sign_ins.keep(self._name(state_token), sealed, self._resources.now())

    def _name(self, state_token: str) -> str:
        """What stands for the sign-in in the table."""
        return self._keys.identities().of_sign_in(state_token)

    def _state(self, document: Document, redirect_url: str = "") -> SignInState:
        status = document.get("status")
        self._meter.note(step=status if isinstance(status, str) else None)
        if status == "SUCCESS":
            self._meter.note(outcome="signed_in")
        return SignInState(document, redirect_url)

    def _require_redirect(self, url: str) -> None:
        if url:
            policy.require_redirect(url, self._resources.settings.redirect_origins)


def _type_of(factor_id: str, known: KnownSignIn) -> str:
    """The factor's type; one that Okta has not named is taken for one that sends."""
    return _supported(known.factors.get(factor_id, Channel.EMAIL))


def _supported(kind: str) -> str:
    """The type, unless its challenges are of a kind whose number is not limited here."""
    if kind not in SENT | SILENT:
        raise errors.SignInRefused("Factors of this type cannot be used here.")
    return kind


def _token(step: FactorStep) -> dict[str, str]:
    return {"stateToken": step.state_token}


def _context(state_token: str) -> str:
    return f"sign-in {state_token}"


def _factors(embedded: Mapping[str, Any]) -> dict[str, str]:
    """The types of the factors in a document, by their ids."""
    listed = embedded.get("factors")
    factors = [*(listed if isinstance(listed, list) else []), embedded.get("factor")]
    found = {}
    for factor in factors:
        match factor:
            case {"id": str(factor_id), "factorType": str(kind)}:
                found[factor_id] = kind
    return found

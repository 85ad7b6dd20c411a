"""Sign-ins through Okta's Authentication API: a password, then a factor.

Okta leads the customer from step to step, and its answers are passed on. This service adds:

- Budgets for passwords, and a count of wrong passwords in a row for each login (`passwords`). After
  three by strangers a customer still gets in from a known device, or by proving an email or phone
  (POST /challenge and /verify) and sending the `device_token` of that success as X-Device-Token, or
  by changing the password at Okta.
- Limits for codes that are sent, and the customer's wrong codes in a row, shared with every other
  way of trying one (`sign_in_codes`).
- A limit for the steps of one sign-in, and for the sign-ins with one login that cost nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from verification import errors, rules
from verification.frozen import Frozen, replace
from verification.limits import Limits
from verification.models.callers import Call
from verification.models.customers import FactorType
from verification.models.sign_ins import (
    Credentials,
    EnrollStep,
    FactorStep,
    KnownSignIn,
    QuestionsRequest,
    SecurityQuestion,
    SignInDocument,
    SignInState,
    SignInStatus,
)
from verification.observability import Meter
from verification.parsing import require_redirect
from verification.passwords import Passwords
from verification.ports import Clock, Keys, OktaAuthn, OktaFactors, SignIns
from verification.receipts import Receipts
from verification.settings import Settings
from verification.sign_in_codes import SignInCodes
from verification.timing import STRANGER_PATIENCE, FixedTime

_QUESTIONS = "questions of a sign-in"
"""The context of sealed tickets."""


class SignIn(Frozen):
    """One step of a sign-in at a time. Every step raises SignInEnded, SignInRefused and, after too
    many of them, RateLimited.
    """

    keys: Keys
    sign_ins: SignIns
    passwords: Passwords
    authn: OktaAuthn
    okta_factors: OktaFactors
    codes: SignInCodes
    limits: Limits
    receipts: Receipts
    settings: Settings
    meter: Meter
    fixed_time: FixedTime
    clock: Clock

    def begin(self, credentials: Credentials, call: Call) -> SignInState:
        """Check a password. Raises RateLimited, AttemptsHeld, InvalidCredentials.

        The public is told InvalidCredentials for a locked or inactive customer too, and strangers are
        told it where Okta was not asked or did not answer. Every failure is told to the public after a
        fixed time.
        """
        self._require_redirect(credentials.redirect_url)
        if not self._may_name_device(call):
            credentials = replace(credentials, device_token="")
        if self._conceals(call):
            call = replace(call, patience=STRANGER_PATIENCE)
        started = self.fixed_time.start()
        try:
            document = self._check_password(credentials, call)
        except errors.VerificationError as failure:
            if not self._conceals(call):
                raise
            self.fixed_time.measure()
            self.fixed_time.wait(started, call.deadline)
            if isinstance(failure, errors.InvalidCredentials):
                # Without Okta's own words, which it has only for some who end here.
                raise errors.InvalidCredentials from None
            raise
        names_device = bool(credentials.device_token)
        known = KnownSignIn("", {}, credentials.redirect_url, names_device=names_device)
        known = self._remember(document, known)
        return self._state(document, known)

    def resume(self, state_token: str, call: Call) -> SignInState:
        """Where a sign-in is."""
        known = self._kept(state_token) or KnownSignIn("", {})
        document = self.authn.look(state_token, call)
        known = self._remember(document, known)
        if known.user_id:
            self.limits.refund(call.spent)
        return self._state(document, known)

    def verify_factor(self, step: FactorStep, call: Call) -> SignInState:
        """Check a code or an answer or, without one, challenge the factor. Raises SendLimited,
        AttemptsHeld, InvalidCode.
        """
        self._require_redirect(step.redirect_url)
        known, key = self._known_factor(step, call)
        step = _without_unnamed_device(_with_own_proof(step, known), known)
        if step.code or step.answer:
            return self._check(known, key, step, call, activates=False)
        document, was_sent = self.codes.challenge(known, key, step, call, again=False)
        return self._next(document, known, step.redirect_url, call, was_sent=was_sent)

    def send_again(self, step: FactorStep, call: Call) -> SignInState:
        """Send another code of the factor that is challenged. Raises SendLimited, AttemptsHeld."""
        known, key = self._known_factor(step, call)
        step = _without_unnamed_device(step, known)
        document, was_sent = self.codes.challenge(known, key, step, call, again=True)
        return self._next(document, known, "", call, was_sent=was_sent)

    def activate(self, step: FactorStep, call: Call) -> SignInState:
        """Activate a factor that this sign-in has enrolled, with its first code."""
        self._require_redirect(step.redirect_url)
        known, key = self._known_factor(step, call)
        return self._check(known, key, step, call, activates=True)

    def enroll(self, step: EnrollStep, call: Call) -> SignInState:
        """Enroll a factor where Okta asks for one. Raises SendLimited."""
        known, key = self._known(step.state_token, call)
        document, was_sent = self.codes.enroll(known, key, step, call)
        return self._next(document, known, "", call, was_sent=was_sent)

    def resend_enrollment_code(self, step: FactorStep, call: Call) -> SignInState:
        """Send another code for the activation of a factor. Raises SendLimited."""
        known, key = self._known_factor(step, call)
        document, was_sent = self.codes.send_enrollment_code(known, key, step, call)
        return self._next(document, known, "", call, was_sent=was_sent)

    def move(self, where: str, state_token: str, call: Call) -> SignInState:
        """`previous`, `skip` or `cancel`."""
        if where == "cancel":
            document = self.authn.move(where, state_token, call)
            self.limits.refund(call.spent)
            return self._state(document, KnownSignIn("", {}))
        known, _ = self._known(state_token, call)
        document = self.authn.move(where, state_token, call)
        return self._next(document, known, "", call)

    def questions(self, request: QuestionsRequest, call: Call) -> Sequence[SecurityQuestion]:
        """The security questions that the user of a sign-in can choose from. It is a step of that
        sign-in. Raises SignInEnded for another user, and for a ticket that no sign-in has given.
        """
        content = self.keys().unseal(_QUESTIONS, request.ticket)
        key, user_id = json.loads(content) if content is not None else ("", "")
        if user_id != request.user_id or not self.sign_ins.take_step(key, int(self.clock())):
            raise errors.SignInEnded
        questions = self.okta_factors.questions(user_id, call)
        self.limits.refund(call.spent)
        return questions

    def require_redirect(self, url: str, name: str) -> None:
        """Raise MalformedBody unless a browser may be sent there with a session."""
        require_redirect(url, self.settings.redirect_origins, name)

    def _check(
        self, known: KnownSignIn, key: str, step: FactorStep, call: Call, *, activates: bool
    ) -> SignInState:
        document, lane = self.codes.check(known, key, step, call, activates=activates)
        known = self._remember(document, known)
        state = self._state(document, known, step.redirect_url)
        if document.status is not SignInStatus.SUCCESS or not step.wants_receipt:
            return state
        factor = known.factors.get(step.factor_id)
        receipt = self.receipts.of_sign_in(known.user_id, factor, lane, call)
        return replace(state, receipt=receipt, receipt_unavailable=receipt is None)

    def _check_password(self, credentials: Credentials, call: Call) -> SignInDocument:
        attempt = self.passwords.reserve(credentials.username, call)
        try:
            document = self._first_step(replace(credentials, username=attempt.username), call)
        except errors.VerificationError as failure:
            raise self.passwords.failed(attempt, failure, call) from None
        is_right = document.status is not SignInStatus.LOCKED_OUT
        self.passwords.settle(attempt, is_right=is_right)
        if is_right:
            self.limits.refund_sign_in(call.spent, attempt.login_hash)
        return document

    def _first_step(self, credentials: Credentials, call: Call) -> SignInDocument:
        try:
            document = self.authn.begin(credentials, call)
        except (errors.CustomerRefused, errors.SignInRefused) as refused:
            if not self._conceals(call):
                raise
            self.meter.note_concealed(refused)
            raise errors.InvalidCredentials from None
        if document.status is SignInStatus.LOCKED_OUT and self._conceals(call):
            self.meter.note_concealed(errors.CustomerLocked())
            raise errors.InvalidCredentials
        return document

    def _next(
        self,
        document: SignInDocument,
        known: KnownSignIn,
        redirect_url: str,
        call: Call,
        *,
        was_sent: bool = False,
    ) -> SignInState:
        """The state after a step that Okta has taken. The caller was honest and gets its budget back."""
        self.limits.refund(call.spent)
        known = self._remember(document, known)
        return replace(self._state(document, known, redirect_url), was_sent=was_sent)

    def _known(self, state_token: str, call: Call) -> tuple[KnownSignIn, str]:
        """What is known of a sign-in, asked of Okta if it began elsewhere, and its key."""
        known = self._kept(state_token)
        if known is None:
            document = self.authn.look(state_token, call)
            known = self._remember(document, KnownSignIn("", {}))
        if not known.user_id:
            raise errors.OktaUnexpectedResponse
        return known, self.keys().sign_in_key(state_token)

    def _kept(self, state_token: str) -> KnownSignIn | None:
        """What is kept of a sign-in, whose steps are counted by that. Raises RateLimited."""
        sealed = self.sign_ins.take_step(self.keys().sign_in_key(state_token), int(self.clock()))
        content = self.keys().unseal(_context(state_token), sealed) if sealed else None
        if content is None:
            return None
        kept = json.loads(content)
        factors = {each: FactorType(kind) for each, kind in kept["factors"].items()}
        return KnownSignIn(
            kept["user_id"], factors, kept["redirect_url"], names_device=kept["names_device"]
        )

    def _known_factor(self, step: FactorStep, call: Call) -> tuple[KnownSignIn, str]:
        """What is known of a sign-in that has this factor. Raises StepNotTaken for an invented id,
        which must leave nothing on the customer's row.
        """
        known, key = self._known(step.state_token, call)
        if step.factor_id not in known.factors:
            known = self._remember(self.authn.look(step.state_token, call), known)
        if step.factor_id not in known.factors:
            raise errors.StepNotTaken
        return known, key

    def _remember(self, document: SignInDocument, known: KnownSignIn) -> KnownSignIn:
        """Keep what a document says of the user and the factors. Raises OktaAnswerUnclear for one of
        another user.
        """
        if not rules.is_about(document, known):
            raise errors.OktaAnswerUnclear
        if not document.state_token or not document.user_id:
            return known
        factors = {**known.factors, **document.factors}
        now_known = replace(known, user_id=document.user_id, factors=factors)
        if now_known != known:
            context = _context(document.state_token)
            sealed = self.keys().seal(context, json.dumps(vars(now_known)))
            key = self.keys().sign_in_key(document.state_token)
            self.sign_ins.keep(key, sealed, int(self.clock()))
        return now_known

    def _state(
        self, document: SignInDocument, known: KnownSignIn, redirect_url: str = ""
    ) -> SignInState:
        self.meter.note(step=document.status_text)
        return SignInState(
            document,
            redirect_url or known.redirect_url,
            can_remember_device=known.names_device,
            questions_ticket=self._questions_ticket(document),
        )

    def _questions_ticket(self, document: SignInDocument) -> str:
        """Proves for this sign-in that it asks for its user's questions: the link to them is followed
        without the state token. A service app has no scope for them.
        """
        if document.status is not SignInStatus.MFA_ENROLL or self.settings.okta_client_id:
            return ""
        key = self.keys().sign_in_key(document.state_token)
        return self.keys().seal(_QUESTIONS, json.dumps([key, document.user_id]))

    def _may_name_device(self, call: Call) -> bool:
        """Whether Okta is told which device the caller says it is. From a trusted application Okta
        believes that, and asks a remembered device for no factor: the word of a stranger must not
        become ours. Otherwise Okta judges it as if the caller had called Okta.
        """
        return not (call.caller.is_public and self.settings.trusted_application)

    def _conceals(self, call: Call) -> bool:
        return call.caller.is_public and self.settings.conceal_unknown_customers

    def _require_redirect(self, url: str) -> None:
        if url:
            self.require_redirect(url, "redirect_url")


def _with_own_proof(step: FactorStep, known: KnownSignIn) -> FactorStep:
    """The step with the one kind of proof that its factor takes. With another kind, Okta would send
    a code, or a push.
    """
    match known.factors.get(step.factor_id):
        case FactorType.QUESTION:
            return replace(step, code="")
        case FactorType.PUSH | FactorType.OTHER:
            return replace(step, code="", answer="")
    return replace(step, answer="")


def _without_unnamed_device(step: FactorStep, known: KnownSignIn) -> FactorStep:
    """The step without the wish to be remembered, where Okta was not told which device it is."""
    if known.names_device:
        return step
    kept = {name: value for name, value in step.parameters.items() if name != "rememberDevice"}
    return replace(step, parameters=kept)


def _context(state_token: str) -> str:
    return f"sign-in {state_token}"

"""Has a code or a push sent: the one sequence, for all dialects. No other module asks Okta to send.

Every send goes from top to bottom: count it for its mailbox or phone, record it on the customer's row,
have Okta send, confirm it; or withdraw it, if it is certain that nothing was sent. Who may ask for a send,
and what is stored of it besides, is decided by the callers: `issue`, `enrollment` and `sign_in_codes`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import assert_never

from verification import errors, rules
from verification.codes import (
    PUSH_CONTEXT,
    EnrollmentCode,
    FactorCode,
    FactorPush,
    Message,
    NewFactor,
    SignInCode,
    SignInEnrollment,
    SignInEnrollmentCode,
    SignInMessage,
)
from verification.frozen import Frozen
from verification.limits import Budget, Limits
from verification.models.callers import Call
from verification.models.challenges import Challenge
from verification.models.customers import Channel, EmailHash, Factor, Found, Target, User
from verification.models.sign_ins import SignInDocument
from verification.models.states import CustomerState, Push, SentPush
from verification.observability import Meter
from verification.ports import (
    Beside,
    Clock,
    Customers,
    Emails,
    Keys,
    OktaAuthn,
    OktaFactors,
    OktaSmsTemplates,
    Pushes,
    SendPlan,
    Templates,
)
from verification.settings import Settings
from verification.timing import in_turn

Answer = Factor | SentPush | SignInDocument | None
"""What Okta answers to a message."""

_OKTA_DISAGREES = (errors.CustomerRefused, errors.InvalidPhoneNumber)
"""Refusals that show that the kept look-up is out of date."""

_NO_NUMBER = "Okta sent the push without a number to choose, so it was taken back."


class Sending(Frozen):
    """Has messages sent, and cancels the pushes that they supersede."""

    keys: Keys
    emails: Emails
    customers: Customers
    pushes: Pushes
    templates: Templates
    limits: Limits
    okta_factors: OktaFactors
    okta_authn: OktaAuthn
    okta_templates: OktaSmsTemplates
    settings: Settings
    beside: Beside
    meter: Meter
    clock: Clock
    sleep: Callable[[float], None]

    def send(
        self,
        plan: SendPlan,
        message: Message | None,
        call: Call,
        challenge: Challenge | None = None,
    ) -> tuple[CustomerState, Answer]:
        """Record that a code is about to be sent, have Okta send it, confirm; without a message only
        record it. What is superseded by it is cancelled at Okta if it is a push.

        If it was certainly not sent, what was sent before is good again. If that is not known,
        neither is good, unless no older code can still be accepted by Okta.
        """
        destination, stranger = plan.destination_hash, plan.by_stranger
        with self._counted(destination, plan.token, by_stranger=stranger) as counted:
            before = self._begun(plan, message, call)
            try:
                answer = None if message is None else self._ask_okta(message, counted, call)
            except errors.VerificationError as failure:
                if not errors.may_have_acted(failure):
                    with suppress(errors.StoreUnavailable):
                        self.customers.withdraw_send(plan)
                else:
                    with suppress(errors.StoreUnavailable, errors.ConfigurationError):
                        self._confirm_if_only_code(plan)
                    self._cancel_superseded(before.push, plan, call)
                if challenge is not None and isinstance(failure, _OKTA_DISAGREES):
                    self.beside.finish()  # or what was looked up would be kept after this
                    self.emails.forget(challenge.email_hash)
                raise
        try:
            return self._confirmed(plan, message, answer, before, call), answer
        except (errors.StoreUnavailable, errors.ConfigurationError) as failure:
            if message is None:
                raise
            self.meter.note_problem(failure)
            raise errors.SendNotConfirmed from None  # what was sent counts

    def enroll_phone(self, user: User, wanted: Factor, email_hash: EmailHash, call: Call) -> Factor:
        """Enroll a phone, which Okta sends its first code, unless it has kept the number as verified."""
        self.limits.spend(Budget.SENDS, call.caller)
        destination, token = self.keys().destination_hash(wanted.destination), secrets.token_hex(16)
        now = int(self.clock())
        with (
            self.counted_client_send(email_hash, Channel.SMS, now, destination, token),
            self._counted(destination, token) as counted,
        ):
            factor = self._ask_okta(NewFactor(user.id, wanted), counted, call)
        if not isinstance(factor, Factor):
            raise errors.InternalError("an enrollment without a factor")
        if not factor.is_pending:
            with suppress(errors.StoreUnavailable):
                self.emails.refund_client_send(email_hash, Channel.SMS, token)
                self.limits.take_back_send(destination, token, by_stranger=False)
        return factor

    def step(self, message: SignInMessage, call: Call) -> Answer:
        """Have Okta take a step of a sign-in that sends nothing: there is nothing to count or record."""
        return self._ask_okta(message, _nothing_counts, call)

    @contextmanager
    def counted_client_send(
        self, email_hash: EmailHash, channel: Channel, now: int, to: str = "", token: str = ""
    ) -> Iterator[tuple[Found | None, int]]:
        """Count one send of a client to this email, unless it was certainly not sent. `to` is the hash
        of the mailbox or phone, where it is known before the look-up. Yields the kept look-up, and
        when the next send is allowed. Raises SendLimited.
        """
        token = token or secrets.token_hex(8)
        reserved = self.emails.reserve_client_send(email_hash, channel, token, now, to)
        try:
            yield reserved
        except errors.VerificationError as failure:
            if not errors.may_have_acted(failure):
                with suppress(errors.StoreUnavailable):
                    self.emails.refund_client_send(email_hash, channel, token)
            raise

    # ---- Parts -----------------------------------------------------------------------------------

    def _begun(self, plan: SendPlan, message: Message | None, call: Call) -> CustomerState:
        """Record a send, in its turn if Okta is asked; the customer's row after that."""
        asks_okta = message is not None

        def begin() -> CustomerState:
            return self.customers.begin_send(plan, asks_okta=asks_okta)

        return in_turn(begin, call.deadline, self.sleep)

    def _confirmed(
        self,
        plan: SendPlan,
        message: Message | None,
        answer: Answer,
        before: CustomerState,
        call: Call,
    ) -> CustomerState:
        """Record what Okta has sent; the customer's row after it."""
        if isinstance(message, FactorPush) and isinstance(answer, SentPush):
            self._keep_push(plan, message.target, answer, call)
        self._cancel_superseded(before.push, plan, call)
        if message is None:
            return before
        factor_id = plan.factor_id or _enrolled_factor(message, answer)
        if not factor_id:
            self.customers.end_send(plan.customer)
            return self.customers.get(plan.customer)
        return self.customers.confirm_send(plan.customer, factor_id, plan.by, plan.now)

    def _confirm_if_only_code(self, plan: SendPlan) -> None:
        """Whether Okta has sent the code is not known. It is good if Okta can accept no older one; a
        push is not, because its transaction is not known.
        """
        state = self.customers.get(plan.customer)
        has_code = plan.factor_id and not plan.is_push
        if has_code and rules.is_only_code(state, plan.factor_id, plan.now):
            self.customers.confirm_send(plan.customer, plan.factor_id, plan.by, plan.now)
        else:
            self.customers.end_send(plan.customer)

    @contextmanager
    def _counted(
        self, destination_hash: str, token: str, *, by_stranger: bool = False
    ) -> Iterator[Callable[[], None]]:
        """Count one send to a mailbox or phone beside what follows, unless it was certainly not sent;
        nothing where the destination is not known. Yields what waits for the count, for `_ask_okta`.
        """
        if not destination_hash:
            yield _nothing_counts
            return
        limits = self.limits
        counted = self.beside.start(
            lambda: limits.count_send(destination_hash, token, by_stranger=by_stranger)
        )
        try:
            yield counted
        except errors.VerificationError as failure:
            if not errors.may_have_acted(failure):
                with suppress(errors.SendLimited, errors.StoreUnavailable):
                    counted()
                    limits.take_back_send(destination_hash, token, by_stranger=by_stranger)
            raise

    def _ask_okta(self, message: Message, counted: Callable[[], None], call: Call) -> Answer:
        """Have Okta send the code, once `counted` has returned: it waits until the send is counted
        for its destination, and raises SendLimited if it may not be.
        """
        counted()
        match message:
            case FactorCode(target, channel, sms_text):
                template_id = None
                if sms_text is not None and channel is Channel.SMS:
                    template_id = self._template_id(sms_text, call)
                lifetime = self.settings.challenge_lifetime
                self.okta_factors.send_code(target, channel, lifetime, template_id, call)
                return None
            case FactorPush(target):
                sent = self.okta_factors.send_push(target, call)
                if sent.number is None:
                    self._cancel(target, sent.transaction, call)
                    raise errors.OktaAnswerUnclear(_NO_NUMBER)
                return sent
            case EnrollmentCode(user_id, factor):
                self.okta_factors.resend_enrollment_code(user_id, factor, call)
                return None
            case NewFactor(user_id, wanted):
                return self.okta_factors.enroll(user_id, wanted, call, activate=False)[0]
            case SignInCode(step, again):
                authn = self.okta_authn
                return authn.resend(step, call) if again else authn.challenge(step, call)
            case SignInEnrollmentCode(step):
                return self.okta_authn.resend_enrollment_code(step, call)
            case SignInEnrollment(enroll_step):
                return self.okta_authn.enroll(enroll_step, call)
        assert_never(message)

    def _template_id(self, text: str, call: Call) -> str:
        name, now = self.okta_templates.name_of(text), int(self.clock())
        template_id = self.templates.find(name, now)
        if template_id is None:
            self.limits.spend(Budget.CHANGES, call.caller)  # each text stays in the org
            template_id = self.okta_templates.id_of(text, call)
            self.templates.keep(name, template_id, now)
        return template_id

    # ---- Pushes ----------------------------------------------------------------------------------

    def _keep_push(self, plan: SendPlan, target: Target, sent: SentPush, call: Call) -> None:
        """Keep what is needed to ask about the push. Of two pushes at the same time one is taken back."""
        content = json.dumps([target.user_id, sent.transaction, sent.number])
        push = Push(plan.by, target.factor_id, self.keys().seal(PUSH_CONTEXT, content))
        if not self.pushes.keep(plan.customer, push):
            self._cancel(target, sent.transaction, call)

    def _cancel_superseded(self, push: Push | None, plan: SendPlan, call: Call) -> None:
        """Take the customer's open push back if this send supersedes its challenge, or is a push too."""
        keys = self.keys()
        if push is None:
            return
        if not plan.is_push and keys.place_of(push.by) != keys.place_of(plan.by):
            return
        content = keys.unseal(PUSH_CONTEXT, push.sealed)
        if content is not None:
            user_id, transaction, _ = json.loads(content)
            self._cancel(Target(plan.customer, user_id, push.factor_id), transaction, call)
        with suppress(errors.StoreUnavailable):
            self.pushes.drop(plan.customer, push)

    def _cancel(self, target: Target, transaction: str, call: Call) -> None:
        """Take a push off the customer's phone. If that fails it still proves nothing."""
        try:
            self.okta_factors.cancel_push(target, transaction, call)
        except errors.VerificationError as failure:
            self.meter.note(push_not_cancelled=failure.code)


def _nothing_counts() -> None:
    """There is no destination whose sends are counted."""


def _enrolled_factor(message: Message, answer: Answer) -> str:
    """The id of the factor that an enrollment in a sign-in has just created."""
    if not isinstance(message, SignInEnrollment) or not isinstance(answer, SignInDocument):
        return ""
    ids = [each for each, kind in answer.factors.items() if kind is message.step.type]
    return ids[0] if len(ids) == 1 else ""

"""What Okta can be asked to send (by `sending`) and to check (by `checking`)."""

from __future__ import annotations

from verification.frozen import Frozen
from verification.models.challenges import Code
from verification.models.customers import Channel, Factor, Target
from verification.models.sign_ins import EnrollStep, FactorStep

PUSH_CONTEXT = "push"
"""The context in which a push's user, transaction and number are sealed."""


class FactorCode(Frozen):
    """A code of an active factor. `sms_text` is the text of the SMS, or None for Okta's."""

    target: Target
    channel: Channel
    sms_text: str | None = None


class FactorPush(Frozen):
    """A push of an active factor."""

    target: Target


class EnrollmentCode(Frozen):
    """The first code of a pending factor, once more."""

    user_id: str
    factor: Factor


class NewFactor(Frozen):
    """A factor to be enrolled that is sent its first code at once."""

    user_id: str
    wanted: Factor


class SignInCode(Frozen):
    """A code of a factor in a sign-in; `again` asks for another one."""

    step: FactorStep
    again: bool


class SignInEnrollmentCode(Frozen):
    """The first code of a factor that a sign-in has enrolled, once more."""

    step: FactorStep


class SignInEnrollment(Frozen):
    """A factor to be enrolled in a sign-in; a phone or mailbox is sent its first code at once."""

    step: EnrollStep


SignInMessage = SignInCode | SignInEnrollmentCode | SignInEnrollment
Message = FactorCode | FactorPush | EnrollmentCode | NewFactor | SignInMessage


class FactorCheck(Frozen):
    """A code of a factor; `activates` a pending one."""

    target: Target
    code: Code
    activates: bool


class SignInCheck(Frozen):
    """A code or an answer in a sign-in; `activates` the factor that was enrolled in it."""

    step: FactorStep
    activates: bool


Check = FactorCheck | SignInCheck

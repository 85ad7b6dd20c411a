"""What Okta can be asked to send (by `sending`) and to check (by `checking`)."""

from __future__ import annotations

from dataclasses import dataclass

from verification.models import Channel, Code, EnrollStep, Factor, FactorStep, Target

PUSH = "push"
"""The context in which a push's user, transaction and number are sealed."""


@dataclass(frozen=True, slots=True)
class FactorCode:
    """A code of an active factor. `sms_text` is the text of the SMS, or None for Okta's."""

    target: Target
    channel: Channel
    sms_text: str | None = None


@dataclass(frozen=True, slots=True)
class FactorPush:
    """A push of an active factor."""

    target: Target


@dataclass(frozen=True, slots=True)
class EnrollmentCode:
    """The first code of a pending factor, once more."""

    user_id: str
    factor: Factor


@dataclass(frozen=True, slots=True)
class NewFactor:
    """A factor to be enrolled that is sent its first code at once."""

    user_id: str
    wanted: Factor


@dataclass(frozen=True, slots=True)
class SignInCode:
    """A code of a factor in a sign-in; `again` asks for another one."""

    step: FactorStep
    again: bool


@dataclass(frozen=True, slots=True)
class SignInEnrollmentCode:
    """The first code of a factor that a sign-in has enrolled, once more."""

    step: FactorStep


@dataclass(frozen=True, slots=True)
class SignInEnrollment:
    """A factor to be enrolled in a sign-in; a phone or mailbox is sent its first code at once."""

    step: EnrollStep


SignInMessage = SignInCode | SignInEnrollmentCode | SignInEnrollment
Message = FactorCode | FactorPush | EnrollmentCode | NewFactor | SignInMessage


@dataclass(frozen=True, slots=True)
class FactorCheck:
    """A code of a factor; `activates` a pending one."""

    target: Target
    code: Code
    activates: bool


@dataclass(frozen=True, slots=True)
class SignInCheck:
    """A code or an answer in a sign-in; `activates` the factor that was enrolled in it."""

    step: FactorStep
    activates: bool


Check = FactorCheck | SignInCheck

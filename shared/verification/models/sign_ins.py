"""Sign-ins: their steps, and what is known between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from verification.frozen import Frozen
from verification.models.customers import FactorType, OpenEnum


class Credentials(Frozen):
    """The beginning of a sign-in. `more` is what else Okta is told, such as its `options`.
    `device_token` is the caller's own name for the customer's device, by which Okta remembers it.
    """

    username: str = field(repr=False)
    password: str = field(repr=False)
    more: Mapping[str, object] = field(default_factory=dict, repr=False)
    redirect_url: str = field(default="", repr=False)
    device_token: str = field(default="", repr=False)


class FactorStep(Frozen):
    """A step of a sign-in that concerns one factor; without `code` and `answer` it asks for a
    challenge. `parameters` are those of Okta's query, such as `rememberDevice`.
    """

    factor_id: str
    state_token: str = field(repr=False)
    code: str = field(default="", repr=False)
    answer: str = field(default="", repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict)
    redirect_url: str = field(default="", repr=False)
    wants_receipt: bool = False


class EnrollStep(Frozen):
    """A factor to enroll in a sign-in: its type, and what else Okta is told of it. `parameters` are
    those of Okta's query.
    """

    type: FactorType
    state_token: str = field(repr=False)
    more: Mapping[str, object] = field(default_factory=dict, repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict)


class SessionRedirect(Frozen):
    """A browser that asks for a session of the org and then wants to go to `url`. `more` are other
    parameters of Okta's.
    """

    session_token: str = field(repr=False)
    url: str = field(repr=False)
    more: Mapping[str, str] = field(default_factory=dict)


class SecurityQuestion(Frozen):
    """A question that a customer can choose: its key, and its text."""

    key: str
    text: str


class QuestionsRequest(Frozen):
    """A request for the questions of a user. `ticket` proves that a sign-in of this user asks."""

    user_id: str
    ticket: str = field(repr=False)


class SignInStatus(OpenEnum):
    """Okta's transaction `status`, as far as it makes a difference here."""

    SUCCESS = "SUCCESS"
    MFA_ENROLL = "MFA_ENROLL"
    PASSWORD_EXPIRED = "PASSWORD_EXPIRED"  # noqa: S105 - a status
    PASSWORD_WARN = "PASSWORD_WARN"  # noqa: S105 - a status
    LOCKED_OUT = "LOCKED_OUT"
    OTHER = "OTHER"


class SignInDocument(Frozen):
    """Okta's answer to a step of a sign-in.

    `content` is the document itself, which contains tokens and goes back to the caller; the other
    fields are what this service reads in it. `factors` has the types of the factors by their ids.
    """

    content: Mapping[str, Any] = field(repr=False)
    status: SignInStatus
    status_text: str
    state_token: str = field(repr=False)
    user_id: str
    factors: Mapping[str, FactorType]


class KnownSignIn(Frozen):
    """What is kept of a sign-in in progress: the user, the factors' types by their ids, where the
    browser wants to go, and whether Okta was told which device it is.
    """

    user_id: str
    factors: Mapping[str, FactorType]
    redirect_url: str = field(default="", repr=False)
    names_device: bool = False


class SignInState(Frozen):
    """Where a sign-in is: Okta's document, and the redirect URL that the caller asked for.

    `was_sent`: this step has had a code sent. `receipt`, `receipt_unavailable`: see `Verified`.
    `can_remember_device`: Okta knows the device, and can remember it. `questions_ticket`: see
    `QuestionsRequest`; empty where this service cannot list the questions.
    """

    document: SignInDocument = field(repr=False)
    redirect_url: str = field(default="", repr=False)
    can_remember_device: bool = False
    questions_ticket: str = field(default="", repr=False)
    was_sent: bool = False
    receipt: str | None = field(default=None, repr=False)
    receipt_unavailable: bool = False

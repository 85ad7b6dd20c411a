"""The moves of the games: what strangers, the customer, a client and an administrator may do."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import pyotp

from tests.proof.world import (
    ANSWER,
    ELSEWHERE,
    EMAIL,
    HOME,
    KNOWN_HOME,
    LOGIN,
    NEIGHBOURS,
    OLD_EMAIL,
    OTHER_EMAIL,
    OWNER,
    PASSER_BY,
    PASSWORD,
    PHONE,
    ROOT_KEY,
    SHOP,
    Answer,
    World,
)
from tests.sandbox.okta.pushes import WAITING
from tests.sandbox.okta.records import Factor, FactorType, User, UserStatus, timestamp
from verification.crypto import Keyring
from verification.rules import POLL_SECONDS

WRONG_PASSWORD = "Wrong-Horse-7"
INVENTED_ID = "ch_" + "A" * 90
INVENTED_TOKEN = "00invented-state-token"
PROVED = {"purpose": "refund", "reference": "order-1"}
SPELLINGS = (
    *(EMAIL, EMAIL.upper(), unicodedata.normalize("NFD", "súbject@shop.example"), LOGIN),
    EMAIL.partition("@")[0],
)
_AUTHN = "POST /api/v1/authn"


class By(StrEnum):
    """How a call names its challenge."""

    EMAIL = "email"
    NEWEST = "newest id"
    OLDER = "older id"
    INVENTED = "invented id"


class Token(StrEnum):
    """The device token that a stranger sends."""

    NONE = "none"
    INVENTED = "invented"
    FOREIGN = "foreign"


class Act(StrEnum):
    """A step of a sign-in after the password."""

    CHALLENGE = "challenge"
    AGAIN = "again"
    WRONG = "wrong"
    RIGHT = "right"
    PREVIOUS = "previous"
    CANCEL = "cancel"


class Change(StrEnum):
    """What an administrator does to the user."""

    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    LOCK = "lock"
    UNLOCK = "unlock"
    REMOVE_FACTORS = "remove factors"
    CHANGE_MAILBOX = "change mailbox"
    CHANGE_PASSWORD = "change password"


class Move(Protocol):
    """One move; the answer if a caller was given one."""

    def play(self, world: World) -> Answer | None: ...


# ---- Strangers -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Send:
    """A stranger asks for a code."""

    source: str
    channel: str = "email"
    by_url: bool = False
    has_purpose: bool = False
    token: Token = Token.NONE
    key: str = ""
    falls_back: bool = False

    def play(self, world: World) -> Answer:
        headers = _headers(world, self.token, self.key)
        if self.by_url:
            query = [("email", EMAIL)]
            return world.call("GET /challenge", query=query, source=self.source, headers=headers)
        body = {"email": EMAIL, "channel": self.channel, "fallback": self.falls_back}
        body |= PROVED if self.has_purpose else {}
        answer = world.call("POST /challenge", body=body, source=self.source, headers=headers)
        if answer.status == 202 and answer["challenge_id"] not in world.public_ids:
            world.public_ids.append(answer["challenge_id"])
        return answer


@dataclass(frozen=True)
class Guess:
    """A stranger tries a code, a wrong one unless it is the newest that was sent over `right`."""

    source: str
    by: By = By.EMAIL
    by_url: bool = False
    has_purpose: bool = False
    names_email: bool = False
    is_malformed: bool = False
    token: Token = Token.NONE
    key: str = ""
    right: str = ""

    def play(self, world: World) -> Answer:
        code = sent_code(world, self.right) if self.right else world.wrong_code()
        code = "12" if self.is_malformed else code
        headers = _headers(world, self.token, self.key)
        if self.by_url:
            query = [("email", EMAIL), ("otp", code)]
            return world.call("GET /verify", query=query, source=self.source, headers=headers)
        body = {"code": code, **(PROVED if self.has_purpose else {})}
        body |= {"challenge_id": _public_id(world, self.by)} if self.by is not By.EMAIL else {}
        if self.by is By.EMAIL or self.names_email:
            body["email"] = EMAIL
        answer = world.call("POST /verify", body=body, source=self.source, headers=headers)
        world.device_token = answer["device_token"] or world.device_token
        return answer


@dataclass(frozen=True)
class Ask:
    """A stranger asks what has become of a challenge, as if it were a push."""

    source: str
    by: By = By.NEWEST
    by_look: bool = False
    token: Token = Token.NONE
    key: str = ""

    def play(self, world: World) -> Answer:
        challenge_id, headers = _public_id(world, self.by), _headers(world, self.token, self.key)
        return _asked(world, challenge_id, self.source, headers=headers, by_look=self.by_look)


@dataclass(frozen=True)
class OpenPage:
    """A stranger opens an address of the sign-in widget with what is invented."""

    source: str
    is_redirect: bool

    def play(self, world: World) -> Answer:
        if self.is_redirect:
            query = [("token", "invented"), ("redirectUrl", "https://elsewhere.example/")]
            return world.call("GET /login/sessionCookieRedirect", query=query, source=self.source)
        route, path = "GET /api/v1/users/{id}/factors/questions", {"id": "00u1"}
        query = [("ticket", INVENTED_TOKEN)]
        return world.call(route, query=query, source=self.source, path=path)


@dataclass(frozen=True)
class Flood:
    """Strangers ask for codes for all neighbours who share the customer's phone."""

    def play(self, world: World) -> None:
        for n in range(5):
            for email in NEIGHBOURS:
                body = {"email": email, "channel": "sms"}
                world.call("POST /challenge", body=body, source=f"192.0.2.{n}")
            world.clock.now += 31


@dataclass(frozen=True)
class WrongPassword:
    """A stranger tries a password."""

    source: str
    username: str = EMAIL

    def play(self, world: World) -> Answer:
        body = {"username": self.username, "password": WRONG_PASSWORD}
        return world.call(_AUTHN, body=body, source=self.source)


@dataclass(frozen=True)
class InventedSignIn:
    """A stranger takes a step of a sign-in that does not exist."""

    source: str
    route: str
    proof: str = ""

    def play(self, world: World) -> Answer:
        body = {"stateToken": INVENTED_TOKEN, "factorType": "email"}
        body |= {self.proof: "123456"} if self.proof else {}
        path = {"id": "emf1"} if "{id}" in self.route else {}
        return world.call(self.route, body=body, source=self.source, path=path)


def _public_id(world: World, by: By) -> str:
    """The id of a challenge of strangers, or an invented one."""
    position = {By.NEWEST: -1, By.OLDER: -2}.get(by, 0)
    has_one = position and len(world.public_ids) >= -position
    return world.public_ids[position] if has_one else INVENTED_ID


def _asked(
    world: World,
    challenge_id: str,
    source: str = SHOP,
    *,
    headers: dict[str, str] | None = None,
    by_look: bool,
    is_client: bool = False,
) -> Answer:
    """What has become of a challenge, by either of the two routes that tell it."""
    more: dict[str, Any] = {"source": source, "headers": headers, "client": is_client}
    if by_look:
        return world.call("GET /challenge/{id}", path={"id": challenge_id}, **more)
    return world.call("POST /verify", body={"challenge_id": challenge_id}, **more)


def _headers(world: World, token: Token, key: str) -> dict[str, str]:
    tokens = {Token.INVENTED: "invented", Token.FOREIGN: world.foreign_device()}
    headers = {"Idempotency-Key": key} if key else {}
    return headers | ({"X-Device-Token": tokens[token]} if token in tokens else {})


# ---- Sign-ins with the right password --------------------------------------------------------------


@dataclass(frozen=True)
class SignIn:
    """Somebody who knows the password begins a sign-in."""

    source: str
    has_device: bool = False

    def play(self, world: World) -> Answer:
        body = {"username": world.login, "password": PASSWORD}
        headers = _device(world) if self.has_device else {}
        source = KNOWN_HOME if headers else self.source
        answer = world.call(_AUTHN, body=body, source=source, headers=headers)
        world.sign_ins[self.source] = answer["stateToken"] or ""
        world.clock.now += 1  # Okta counts the sign-ins of one login in a second
        return answer


@dataclass(frozen=True)
class OtherSignIn:
    """Another customer begins to sign in, somewhere else."""

    def play(self, world: World) -> Answer:
        body = {"username": PASSER_BY, "password": PASSWORD}
        return world.call(_AUTHN, body=body, source=ELSEWHERE)


@dataclass(frozen=True)
class SignInStep:
    """The next step of such a sign-in."""

    source: str
    act: Act
    type: FactorType = FactorType.EMAIL
    has_device: bool = False

    def play(self, world: World) -> Answer | None:
        token, user = world.sign_ins.get(self.source), world.user
        factor = _factor(user, self.type) if user else None
        if not token or user is None or factor is None:
            return None
        body = {"stateToken": token}
        headers = _device(world) if self.has_device else {}
        path = {"id": factor.id}
        route = f"{_AUTHN}/factors/{{id}}/verify"
        match self.act:
            case Act.AGAIN:
                route += "/resend"
            case Act.PREVIOUS | Act.CANCEL:
                route, path = f"{_AUTHN}/{self.act}", {}
            case Act.WRONG | Act.RIGHT:
                is_question = self.type is FactorType.QUESTION
                body["answer" if is_question else "passCode"] = (
                    right_proof(world, factor) if self.act is Act.RIGHT else world.wrong_code()
                )
        source = OWNER if self.source == HOME else self.source
        return world.call(route, body=body, source=source, headers=headers, path=path)


@dataclass(frozen=True)
class FloodSignIn:
    """Somebody who knows the password has codes sent until that is refused."""

    source: str
    type: FactorType = FactorType.EMAIL

    def play(self, world: World) -> None:
        SignIn(self.source).play(world)
        for _ in range(6):
            SignInStep(self.source, Act.AGAIN, self.type).play(world)
            world.clock.now += 31


# ---- The customer ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class DeviceSend:
    """The customer's known device asks for a code."""

    channel: str = "email"
    falls_back: bool = False

    def play(self, world: World) -> Answer | None:
        if not world.device_token:
            return None
        body: dict[str, object] = {"email": EMAIL, "device_token": world.device_token}
        body |= {"channel": self.channel, "fallback": self.falls_back}
        answer = world.call("POST /challenge", body=body, source=OWNER)
        world.device_id = answer["challenge_id"] or world.device_id
        return answer


@dataclass(frozen=True)
class DeviceAsk:
    """The customer's known device asks what has become of its challenge."""

    by_look: bool = True

    def play(self, world: World) -> Answer | None:
        headers = _device(world)
        if not headers or not world.device_id:
            return None
        answer = _asked(world, world.device_id, OWNER, headers=headers, by_look=self.by_look)
        world.device_token = answer["device_token"] or world.device_token
        return answer


@dataclass(frozen=True)
class AnswerPush:
    """The customer answers the newest push on the phone, before it is asked about again."""

    is_approved: bool

    def play(self, world: World) -> None:
        world.clock.now += POLL_SECONDS
        waiting = [each for each in world.org.pushes.sent if each.answer == WAITING]
        waiting = [each for each in waiting if each.expires_at > world.clock.now]
        if waiting:
            answer = "approve" if self.is_approved else "reject"
            world.org.pushes.answer(answer, waiting[-1].number)


@dataclass(frozen=True)
class DeviceVerify:
    """The customer's known device tries a code."""

    is_right: bool
    channel: str = "email"
    by_id: bool = False

    def play(self, world: World) -> Answer | None:
        named = {"challenge_id": world.device_id} if self.by_id else {"email": EMAIL}
        body = {**named, "device_token": world.device_token}
        return _owner_tries(self, body, world) if world.device_token else None


@dataclass(frozen=True)
class UseRelease:
    """The customer uses the attempt that support has opened, and has a known device from then on."""

    is_right: bool
    channel: str = "email"

    def play(self, world: World) -> Answer | None:
        body = {"challenge_id": world.release_id}
        return _owner_tries(self, body, world) if world.release_id else None


def _owner_tries(move: DeviceVerify | UseRelease, body: dict[str, str], world: World) -> Answer:
    code = sent_code(world, move.channel) if move.is_right else world.wrong_code()
    answer = world.call("POST /verify", body={**body, "code": code}, source=OWNER)
    world.device_token = answer["device_token"] or world.device_token
    return answer


@dataclass(frozen=True)
class DevicePassword:
    """The customer's known device tries a wrong password."""

    def play(self, world: World) -> Answer | None:
        body = {"username": world.login, "password": WRONG_PASSWORD}
        return world.call(_AUTHN, body=body, source=OWNER, headers=_device(world))


def meet_device(world: World) -> None:
    """The customer has a known device, if there is a customer who could."""
    ClientSend(releases=True).play(world)
    UseRelease(is_right=True).play(world)
    world.release_id = ""
    world.clock.now += 2 * 86_400  # nothing of that is in a window any more


# ---- The client ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClientSend:
    """A client asks for a code, or opens a release."""

    channel: str = "email"
    releases: bool = False
    has_purpose: bool = False
    falls_back: bool = False

    def play(self, world: World) -> Answer:
        body = {"email": EMAIL, "channel": self.channel, "release_hold": self.releases}
        body |= {"fallback": self.falls_back}
        body |= PROVED if self.has_purpose else {}
        answer = world.ask("POST /challenge", body)
        if answer.status == 202 and self.releases:
            world.release_id = answer["challenge_id"]
        elif answer.status == 202:
            world.client_id = answer["challenge_id"]
        return answer


@dataclass(frozen=True)
class ClientVerify:
    """A client tries a code for its newest challenge."""

    is_right: bool
    by_email: bool = False
    channel: str = "email"
    has_purpose: bool = False

    def play(self, world: World) -> Answer:
        code = sent_code(world, self.channel) if self.is_right else world.wrong_code()
        body = {"code": code, **(PROVED if self.has_purpose else {})}
        body |= {"email": EMAIL} if self.by_email else {"challenge_id": world.client_id or "none"}
        return world.ask("POST /verify", body)


@dataclass(frozen=True)
class ClientAsk:
    """A client asks what has become of its newest challenge."""

    by_look: bool = True

    def play(self, world: World) -> Answer:
        challenge_id = world.client_id or INVENTED_ID
        return _asked(world, challenge_id, by_look=self.by_look, is_client=True)


@dataclass(frozen=True)
class Enroll:
    """A client enrolls a factor."""

    type: str

    def play(self, world: World) -> Answer:
        body = {"type": self.type, "user_id": EMAIL, "totp_user": EMAIL, "phone_number": PHONE}
        answer = world.ask("POST /auth/factors/enroll", body)
        world.factor_id = answer["id"] or world.factor_id
        return answer


@dataclass(frozen=True)
class ChallengeFactor:
    """A client challenges the factor that it has enrolled."""

    def play(self, world: World) -> Answer | None:
        if not world.factor_id:
            return None
        answer = world.ask("POST /auth/factors/{id}/challenge", {}, id=world.factor_id)
        world.mfa_id = answer["id"] or world.mfa_id
        return answer


@dataclass(frozen=True)
class VerifyFactor:
    """A client tries a code for that challenge."""

    is_right: bool

    def play(self, world: World) -> Answer | None:
        ref = Keyring(ROOT_KEY).factor_ref(world.factor_id.removeprefix("auth_factor_"))
        user = world.user
        if not world.mfa_id or ref is None or user is None:
            return None
        factor = next((each for each in user.factors if each.id == ref.factor_id), None)
        is_right = self.is_right and factor is not None
        code = right_proof(world, factor) if is_right and factor else world.wrong_code()
        return world.ask("POST /auth/challenges/{id}/verify", {"code": code}, id=world.mfa_id)


@dataclass(frozen=True)
class Register:
    """A client registers somebody: with another email, or with this one."""

    is_other: bool

    def play(self, world: World) -> Answer:
        email = OTHER_EMAIL if self.is_other else EMAIL
        profile = {"email": email, "firstName": "O", "lastName": "T", "mobilePhone": PHONE}
        body = {"profile": profile, "password": PASSWORD, "enroll": ["email", "sms"]}
        return world.ask("POST /customers", body)


@dataclass(frozen=True)
class EndDevices:
    """A client ends all devices of the customer."""

    def play(self, world: World) -> Answer:
        user_id = world.user.id if world.user else "00unobody"
        world.device_token = ""
        return world.ask("DELETE /customers/{id}/devices", id=user_id)


@dataclass(frozen=True)
class ReadHold:
    """A client asks for holds."""

    def play(self, world: World) -> Answer:
        return world.ask("GET /holds/{email}", email=EMAIL)


@dataclass(frozen=True)
class ClientPassword:
    """A client passes a sign-in of its visitor on."""

    is_right: bool

    def play(self, world: World) -> Answer:
        body = {"username": world.login, "password": PASSWORD if self.is_right else WRONG_PASSWORD}
        answer = world.ask(_AUTHN, body)
        world.clock.now += 1
        return answer


# ---- The world -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    seconds: int

    def play(self, world: World) -> None:
        world.clock.now += self.seconds


@dataclass(frozen=True)
class Happens:
    """Lambda runs what was queued (`deliver`), or DynamoDB deletes old rows (`expire`)."""

    what: str

    def play(self, world: World) -> None:
        getattr(world, self.what)()


@dataclass(frozen=True)
class Administer:
    """An administrator changes the user at Okta."""

    change: Change

    def play(self, world: World) -> None:
        user = world.user
        if user is None:
            return
        match self.change:
            case Change.SUSPEND:
                user.status = UserStatus.SUSPENDED
            case Change.LOCK:
                user.status = UserStatus.LOCKED_OUT
            case Change.UNSUSPEND | Change.UNLOCK:
                user.status = UserStatus.ACTIVE
                user.failed_factor_attempts = user.failed_passwords = 0
            case Change.CHANGE_PASSWORD:
                user.password_changed, user.failed_passwords = timestamp(world.clock.now), 0
            case Change.REMOVE_FACTORS:
                user.factors.clear()
            case Change.CHANGE_MAILBOX:
                for factor in user.factors:
                    if factor.type is FactorType.EMAIL:
                        factor.destination = OLD_EMAIL


def _device(world: World) -> dict[str, str]:
    return {"X-Device-Token": world.device_token} if world.device_token else {}


def sent_code(world: World, channel: str) -> str:
    """The newest code that the customer has received over a channel, or the app's."""
    app = _factor(world.user, FactorType.TOTP) if channel == "totp" and world.user else None
    if app is not None:
        return right_proof(world, app)
    return world.code(EMAIL, OLD_EMAIL, PHONE, channel=channel)


def right_proof(world: World, factor: Factor) -> str:
    """What proves the factor now."""
    match factor.type:
        case FactorType.QUESTION:
            return ANSWER
        case FactorType.TOTP:
            return pyotp.TOTP(factor.secret or "").at(int(world.clock.now))
    return world.code(factor.destination, channel=factor.type.value)


def _factor(user: User, wanted: FactorType) -> Factor | None:
    return next((each for each in user.factors if each.type is wanted), None)

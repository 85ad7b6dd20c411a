"""The users of the org and the ways to find one."""

import unicodedata
from collections.abc import Iterator

from tests.sandbox.okta.exceptions import ResourceNotFoundError
from tests.sandbox.okta.ids import Ids
from tests.sandbox.okta.records import Factor, FactorType, User, UserStatus

FOUNDED = "2025-01-15T09:30:00.000Z"

_USER_PREFIX = "00u"
_USER_TYPE_PREFIX = "oty"
_FACTOR_PREFIXES = {
    (FactorType.EMAIL, "OKTA"): "emf",
    (FactorType.SMS, "OKTA"): "mbl",
    (FactorType.CALL, "OKTA"): "clf",
    (FactorType.TOTP, "OKTA"): "ost",
    (FactorType.TOTP, "GOOGLE"): "uft",
    (FactorType.QUESTION, "OKTA"): "ufs",
}


class Directory:
    """Users by id and by login.

    A login is found whatever its case and diacritical marks: the vendor documents that marks
    matter in a search and not in a login.
    """

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._users: dict[str, User] = {}
        self._by_login: dict[str, User] = {}
        self.user_type_id = ids.record(_USER_TYPE_PREFIX)

    def __iter__(self) -> Iterator[User]:
        return iter(self._users.values())

    def add_user(
        self,
        *,
        login: str,
        email: str,
        first_name: str,
        last_name: str,
        status: UserStatus = UserStatus.ACTIVE,
        mobile_phone: str | None = None,
        password: str | None = None,
    ) -> User:
        """Add a user without factors."""
        user = User(
            id=self._ids.record(_USER_PREFIX),
            login=login,
            email=email,
            first_name=first_name,
            last_name=last_name,
            created=FOUNDED,
            status=status,
            mobile_phone=mobile_phone,
            password=password,
        )
        self._users[user.id] = user
        self._by_login[_folded(login)] = user
        return user

    def add_factor(
        self,
        user: User,
        factor_type: FactorType,
        destination: str,
        *,
        provider: str = "OKTA",
        secret: str | None = None,
    ) -> Factor:
        """Enrol an active factor."""
        factor = Factor(
            id=self._ids.record(_FACTOR_PREFIXES[factor_type, provider]),
            type=factor_type,
            destination=destination,
            created=FOUNDED,
            provider=provider,
            secret=secret,
        )
        user.factors.append(factor)
        return factor

    def user(self, user_id: str) -> User:
        """The user with this id."""
        if user_id not in self._users:
            raise ResourceNotFoundError(user_id, "User")
        return self._users[user_id]

    def user_by_id_or_login(self, id_or_login: str) -> User:
        """The user with this id or login; an email that is no login finds nobody."""
        return self._by_login.get(_folded(id_or_login)) or self.user(id_or_login)

    def users_by_email(self, email: str) -> list[User]:
        """Everyone with this profile.email in any status, whatever its case, in order of id."""
        wanted = email.casefold()
        found = [user for user in self if user.email.casefold() == wanted]
        return sorted(found, key=lambda user: user.id)

    def factor(self, user: User, factor_id: str) -> Factor:
        """The user's factor with this id."""
        for factor in user.factors:
            if factor.id == factor_id:
                return factor
        raise ResourceNotFoundError(factor_id, "UserFactor")


def _folded(login: str) -> str:
    decomposed = unicodedata.normalize("NFKD", login.casefold())
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))

"""The users of the org and the ways to find one."""

import unicodedata
from collections.abc import Iterator

from tests.sandbox.okta.exceptions import ResourceNotFoundError
from tests.sandbox.okta.ids import Ids
from tests.sandbox.okta.records import Factor, FactorType, User, UserStatus

FOUNDED = "2025-01-15T09:30:00.000Z"

_USER_PREFIX = "00u"
_USER_TYPE_PREFIX = "oty"

FACTOR_PREFIXES = {
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
        """Add a user without factors who has been there from the start."""
        user = User(
            id=self.new_user_id(),
            login=login,
            email=email,
            first_name=first_name,
            last_name=last_name,
            created=FOUNDED,
            status=status,
            mobile_phone=mobile_phone,
            password=password,
        )
        self.enter(user)
        return user

    def new_user_id(self) -> str:
        """An id that is nobody's yet."""
        return self._ids.record(_USER_PREFIX)

    def enter(self, user: User) -> None:
        """Take up a user whose login is free."""
        self._users[user.id] = user
        self._by_login[_folded(user.login)] = user

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
        factor = self.new_factor(factor_type, destination, provider=provider, secret=secret)
        user.factors.append(factor)
        return factor

    def new_factor(
        self,
        factor_type: FactorType,
        destination: str,
        *,
        provider: str,
        secret: str | None,
        created: str = FOUNDED,
    ) -> Factor:
        """A factor that is nobody's yet."""
        return Factor(
            id=self._ids.record(FACTOR_PREFIXES[factor_type, provider]),
            type=factor_type,
            destination=destination,
            created=created,
            provider=provider,
            secret=secret,
        )

    def user(self, user_id: str) -> User:
        """The user with this id."""
        if user_id not in self._users:
            raise ResourceNotFoundError(user_id, "User")
        return self._users[user_id]

    def user_by_id_or_login(self, id_or_login: str) -> User:
        """The user with this id or login; an email that is no login finds nobody."""
        return self.find_login(id_or_login) or self.user(id_or_login)

    def find_login(self, login: str) -> User | None:
        """The user with this login, if there is one."""
        return self._by_login.get(_folded(login))

    def users_by_profile(self, name: str, value: str) -> list[User]:
        """Everyone with this email or mobilePhone in any status, whatever its case, by id."""
        wanted = value.casefold()
        held = {"email": lambda user: user.email, "mobilePhone": lambda user: user.mobile_phone}
        found = [user for user in self if (held[name](user) or "").casefold() == wanted]
        return sorted(found, key=lambda user: user.id)

    def users_by_start(self, start: str) -> list[User]:
        """Everyone whose first or last name or email begins so, whatever its case."""
        wanted = start.casefold()
        names = ((user, (user.first_name, user.last_name, user.email)) for user in self)
        found = [
            user
            for user, values in names
            if any((value or "").casefold().startswith(wanted) for value in values)
        ]
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

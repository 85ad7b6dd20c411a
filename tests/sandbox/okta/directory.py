"""The users of the org and the ways to find one."""

import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache

from tests.sandbox.okta.exceptions import not_found
from tests.sandbox.okta.ids import Ids
from tests.sandbox.okta.records import OKTA, Factor, FactorType, User

FOUNDED = "2025-01-15T09:30:00.000Z"

FACTOR_PREFIXES = {
    (FactorType.EMAIL, OKTA): "emf",
    (FactorType.SMS, OKTA): "mbl",
    (FactorType.CALL, OKTA): "clf",
    (FactorType.TOTP, OKTA): "ost",
    (FactorType.TOTP, "GOOGLE"): "uft",
    (FactorType.QUESTION, OKTA): "ufs",
    (FactorType.PUSH, OKTA): "opf",
}


class Directory:
    """Users by id and by login."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._users: dict[str, User] = {}
        self._by_login: dict[str, User] = {}
        self.user_type_id = ids.record("oty")

    def __iter__(self) -> Iterator[User]:
        return iter(self._users.values())

    def add_user(self, *, login: str, email: str, first_name: str, last_name: str) -> User:
        """Add an active user without factors, as old as the org."""
        user = User(
            *(self.new_user_id(), login, email, first_name, last_name, FOUNDED),
            activated=FOUNDED,
            status_changed=FOUNDED,
        )
        self.enter(user)
        return user

    def new_user_id(self) -> str:
        return self._ids.record("00u")

    def enter(self, user: User) -> None:
        """Add a user whose login is not taken."""
        self._users[user.id] = user
        self._by_login[folded(user.login)] = user

    def leave(self, user: User) -> None:
        """Remove a user."""
        del self._users[user.id], self._by_login[folded(user.login)]

    def add_factor(
        self, user: User, factor_type: FactorType, destination: str, **more: str
    ) -> Factor:
        """Enrol an active factor; `more` may be a provider and a secret."""
        factor = self.new_factor(factor_type, destination, **more)
        user.factors.append(factor)
        return factor

    def new_factor(
        self,
        factor_type: FactorType,
        destination: str,
        *,
        provider: str = OKTA,
        secret: str | None = None,
        created: str = FOUNDED,
    ) -> Factor:
        """A factor that belongs to nobody yet."""
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
            raise not_found(user_id, "User")
        return self._users[user_id]

    def user_by_id_or_login(self, id_or_login: str) -> User:
        """The user with this id, login or short login; an email that is not a login is not found."""
        if id_or_login in self._users:
            return self._users[id_or_login]
        return self.find_signing_in(id_or_login) or self.user(id_or_login)

    def find_signing_in(self, login: str) -> User | None:
        """The user with this login, or the only one with this part before the "@" of its login."""
        if (user := self.find_login(login)) is not None or "@" in login:
            return user
        start = f"{folded(login)}@"
        users = [each for full, each in self._by_login.items() if full.startswith(start)]
        return users[0] if len(users) == 1 else None

    def find_login(self, login: str) -> User | None:
        return self._by_login.get(folded(login))

    def those(self, are_wanted: Callable[[User], bool]) -> list[User]:
        """The users for whom this is true, by id."""
        return sorted(filter(are_wanted, self), key=lambda user: user.id)

    def factor(self, user: User, factor_id: str) -> Factor:
        """The user's factor with this id."""
        for factor in user.factors:
            if factor.id == factor_id:
                return factor
        raise not_found(factor_id, "UserFactor")


@lru_cache
def folded(login: str) -> str:
    """A login as Okta compares it: without case and diacritical marks, which a search respects."""
    decomposed = unicodedata.normalize("NFKD", login)
    return "".join(each for each in decomposed if not unicodedata.combining(each)).casefold()

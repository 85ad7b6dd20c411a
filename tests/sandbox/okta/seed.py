"""The customers that every sandbox starts with."""

from tests.sandbox.okta.directory import Directory
from tests.sandbox.okta.records import FactorType, User, UserStatus

SANDBOX_API_TOKEN = "00SandboxOnly-OpensNothingOutsideThisOrg00"
ADA_PASSWORD = "Correct-Horse-7"
ADA_PHONE = "+15005550006"
ADA_TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ADA_QUESTION = "disliked_food"
ADA_ANSWER = "meatball"
EVE_PASSWORD = "D3m0demo1"
MARY_OLD_EMAIL = "mary.old@example.com"
CUSTOMERS_GROUP = "00gcustomers0000000000"
GROUPS = frozenset({CUSTOMERS_GROUP, "00gmembers0000000000", "00gstaff000000000000"})


def plant(directory: Directory) -> None:
    """Add the seeded customers."""
    ada = _add(directory, "Ada Lovelace", "ada@example.com")
    ada.mobile_phone, ada.password, ada.group_ids = ADA_PHONE, ADA_PASSWORD, [CUSTOMERS_GROUP]
    directory.add_factor(ada, FactorType.SMS, ADA_PHONE)
    directory.add_factor(ada, FactorType.CALL, ADA_PHONE)
    directory.add_factor(ada, FactorType.TOTP, ada.login, provider="GOOGLE", secret=ADA_TOTP_SECRET)
    directory.add_factor(ada, FactorType.QUESTION, ADA_QUESTION, secret=ADA_ANSWER)
    _add(directory, "Grace Hopper", "grace@example.com", login="grace.hopper")
    _add(directory, "Alan Turing", "alan@example.com").factors.clear()
    _add(directory, "Katherine Johnson", "katherine@example.com").status = UserStatus.SUSPENDED
    _add(directory, "Castor Twin", "twin@example.com", login="twin.one")
    _add(directory, "Pollux Twin", "twin@example.com", login="twin.two")
    dorothy = _add(directory, "Dorothy Vaughan", "dorothy@example.com")
    directory.add_factor(dorothy, FactorType.PUSH, dorothy.login)
    # The address in Mary's profile was changed; her email factor still has the old one.
    [email] = _add(directory, "Mary Jackson", "mary@example.com").factors
    email.destination = MARY_OLD_EMAIL
    eve = _add(directory, "Eve Polastri", "eve@example.com")
    eve.password, eve.must_enrol = EVE_PASSWORD, True
    eve.factors.clear()


def plant_quiet_customer(directory: Directory, number: int) -> None:
    """Add one of many similar customers for load tests."""
    _add(directory, f"Customer {number:03d}", f"customer-{number:03d}@example.com")


def _add(directory: Directory, name: str, email: str, login: str | None = None) -> User:
    """Add an active user with an email factor."""
    first_name, last_name = name.split()
    user = directory.add_user(
        login=login or email, email=email, first_name=first_name, last_name=last_name
    )
    directory.add_factor(user, FactorType.EMAIL, email)
    return user

"""The customers that every sandbox starts with."""

from tests.sandbox.okta.directory import Directory
from tests.sandbox.okta.records import FactorType, User, UserStatus

SANDBOX_API_TOKEN = "00SandboxOnly-OpensNothingOutsideThisOrg00"
ADA_PASSWORD = "Correct-Horse-7"
ADA_PHONE = "+15005550006"
ADA_TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ADA_QUESTION = "disliked_food"
ADA_ANSWER = "meatball"
CUSTOMERS_GROUP = "00gcustomers0000000000"
GROUPS = frozenset({CUSTOMERS_GROUP, "00gmembers0000000000", "00gstaff000000000000"})


def plant(directory: Directory) -> None:
    """Add the seeded customers."""
    _plant_ada(directory)
    grace = directory.add_user(
        login="grace.hopper", email="grace@example.com", first_name="Grace", last_name="Hopper"
    )
    _enrol_email(directory, grace)
    directory.add_user(
        login="alan@example.com", email="alan@example.com", first_name="Alan", last_name="Turing"
    )
    katherine = directory.add_user(
        login="katherine@example.com",
        email="katherine@example.com",
        first_name="Katherine",
        last_name="Johnson",
        status=UserStatus.SUSPENDED,
    )
    _enrol_email(directory, katherine)
    for first_name, login in (("Castor", "twin.one"), ("Pollux", "twin.two")):
        twin = directory.add_user(
            login=login, email="twin@example.com", first_name=first_name, last_name="Twin"
        )
        _enrol_email(directory, twin)


def plant_quiet_customer(directory: Directory, number: int) -> None:
    """Add one of the many look-alikes that load tests need."""
    email = f"customer-{number:03d}@example.com"
    customer = directory.add_user(
        login=email, email=email, first_name="Customer", last_name=f"{number:03d}"
    )
    _enrol_email(directory, customer)


def _plant_ada(directory: Directory) -> None:
    ada = directory.add_user(
        login="ada@example.com",
        email="ada@example.com",
        first_name="Ada",
        last_name="Lovelace",
        mobile_phone=ADA_PHONE,
        password=ADA_PASSWORD,
    )
    ada.group_ids = [CUSTOMERS_GROUP]
    _enrol_email(directory, ada)
    directory.add_factor(ada, FactorType.SMS, ADA_PHONE)
    directory.add_factor(ada, FactorType.CALL, ADA_PHONE)
    directory.add_factor(ada, FactorType.TOTP, ada.login, provider="GOOGLE", secret=ADA_TOTP_SECRET)
    directory.add_factor(ada, FactorType.QUESTION, ADA_QUESTION, secret=ADA_ANSWER)


def _enrol_email(directory: Directory, user: User) -> None:
    directory.add_factor(user, FactorType.EMAIL, user.email)

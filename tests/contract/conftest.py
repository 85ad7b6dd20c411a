"""What the tests of the Okta simulator share."""

import pytest

from tests.contract.okta_org import OktaOrg


@pytest.fixture
def okta() -> OktaOrg:
    return OktaOrg()

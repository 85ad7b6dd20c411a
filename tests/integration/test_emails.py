"""Emails' rows: how many codes an email is sent, and what Okta said of it."""

from __future__ import annotations

import random
from itertools import count

import pytest

from tests.integration.account import Account, Unreliable
from tests.unit.examples import NOW, factor, lookup
from verification import errors, policy
from verification.aws import emails
from verification.aws.emails import EmailRows
from verification.aws.store import Store
from verification.models import Lookup

TOKENS = count(1)
NOBODY = Lookup(NOW, "0c" * 16, refusal="customer_not_found")


@pytest.fixture
def rows(store: Store) -> EmailRows:
    return store.emails


def wait(rows: EmailRows, now: int, identity: str = "e1") -> int:
    """For how long the next send is refused; 0 if it is counted."""
    try:
        rows.reserve_send(identity, f"token-{next(TOKENS)}", now)
    except errors.SendLimited as refused:
        return refused.retry_after
    return 0


def known(store: Store, identity: str = "e1") -> Lookup | None:
    [row] = store.table.get(emails.key_of(identity), attributes=emails.LOOKUP)
    return emails.lookup_of(row)


class TestSends:
    def test_one_in_thirty_seconds(self, rows: EmailRows) -> None:
        assert [wait(rows, NOW + at) for at in (0, 0, 1, 29, 30, 59, 60)] == [
            *(0, 30, 29, 1),
            *(0, 1),
            0,
        ]

    def test_a_refusal_has_a_code(self, rows: EmailRows) -> None:
        wait(rows, NOW)
        with pytest.raises(errors.SendLimited) as refused:
            rows.reserve_send("e1", "token", NOW)
        assert (refused.value.code, refused.value.retry_after) == ("send_limited", 30)

    def test_five_in_an_hour(self, rows: EmailRows) -> None:
        assert [wait(rows, NOW + at) for at in (0, 60, 120, 180, 240)] == [0] * 5
        assert wait(rows, NOW + 300) == 3300
        assert wait(rows, NOW + 3599) == 1
        assert wait(rows, NOW + 3600) == 0
        assert wait(rows, NOW + 3630) == 30

    def test_ten_in_a_day(self, rows: EmailRows) -> None:
        assert [wait(rows, NOW + 3600 * n) for n in range(10)] == [0] * 10
        assert wait(rows, NOW + 3600 * 10) == 14 * 3600
        assert wait(rows, NOW + 24 * 3600 - 1) == 1
        assert wait(rows, NOW + 24 * 3600) == 0

    def test_a_refused_send_counts_for_nothing(self, rows: EmailRows) -> None:
        wait(rows, NOW)
        for at in range(1, 30, 7):
            assert wait(rows, NOW + at)
        assert wait(rows, NOW + 30) == 0

    def test_the_row_and_the_policy_agree(self, rows: EmailRows) -> None:
        """Two tellings of one rule: the condition of the write, and the wait that is told."""
        steps = random.Random(7)  # noqa: S311 - the same walk every time
        sends: list[int] = []
        now = NOW
        for _ in range(60):
            now += steps.choice((1, 10, 30, 31, 700, 3600, 30_000))
            expected = max(0, policy.send_wait((*reversed(sends), *(0,) * 10), now))
            assert wait(rows, now) == expected
            if not expected:
                sends.append(now)
        assert 10 < len(sends) < 60

    def test_emails_have_nothing_to_do_with_each_other(self, rows: EmailRows) -> None:
        assert [wait(rows, NOW, identity) for identity in ("e1", "e2", "e1")] == [0, 0, 30]

    def test_an_own_write_sent_twice_counts_once(
        self, rows: EmailRows, dynamodb: Unreliable
    ) -> None:
        dynamodb.repeats = True
        assert rows.reserve_send("e1", "token", NOW) is None
        dynamodb.repeats = False
        for n in range(1, 5):
            assert wait(rows, NOW + 60 * n) == 0
        assert wait(rows, NOW + 300) == 3300

    def test_a_row_outlives_the_longest_window_and_is_not_kept_for_ever(
        self, rows: EmailRows, account: Account
    ) -> None:
        wait(rows, NOW)
        [row] = account.rows()
        kept = int(row["ttl"]["N"]) - NOW
        assert max(seconds for seconds, _ in policy.SEND_WINDOWS) < kept <= 3 * 24 * 3600


class TestRefund:
    def test_a_send_that_was_not_made_is_given_back(self, rows: EmailRows) -> None:
        rows.reserve_send("e1", "token", NOW)
        rows.refund_send("e1", "token")
        assert wait(rows, NOW) == 0
        assert wait(rows, NOW + 1) == 29

    def test_those_before_it_stay_counted(self, rows: EmailRows) -> None:
        for at in (0, 60, 120, 180):
            wait(rows, NOW + at)
        rows.reserve_send("e1", "token", NOW + 240)
        rows.refund_send("e1", "token")
        assert wait(rows, NOW + 209) == 1
        assert wait(rows, NOW + 300) == 0
        assert wait(rows, NOW + 360) == 3240

    def test_a_send_is_given_back_once(self, rows: EmailRows, dynamodb: Unreliable) -> None:
        wait(rows, NOW)
        rows.reserve_send("e1", "token", NOW + 60)
        dynamodb.repeats = True
        rows.refund_send("e1", "token")
        rows.refund_send("e1", "token")
        dynamodb.repeats = False
        assert wait(rows, NOW + 29) == 1

    @pytest.mark.parametrize("token", ["another", "token-1", ""])
    def test_only_the_last_send_is_given_back(self, rows: EmailRows, token: str) -> None:
        wait(rows, NOW)
        rows.reserve_send("e1", "token", NOW + 60)
        rows.refund_send("e1", token)
        assert wait(rows, NOW + 61) == 29

    def test_an_email_that_was_never_seen_gets_no_row(
        self, rows: EmailRows, account: Account
    ) -> None:
        rows.refund_send("e1", "token")
        rows.forget("e1")
        assert account.rows() == []


class TestLookups:
    def test_an_email_that_was_never_looked_up_is_not_known(
        self, rows: EmailRows, store: Store
    ) -> None:
        assert known(store) is None
        assert rows.reserve_send("e1", "token", NOW) is None
        assert known(store) is None

    @pytest.mark.parametrize(
        "said",
        [
            lookup(),
            lookup(factor("email", destination="a•••@example.com"), factor("sms", "EXPIRED")),
            lookup(user_id="00u1", at=NOW - 5),
            NOBODY,
        ],
    )
    def test_what_okta_said_comes_with_the_next_send(
        self, rows: EmailRows, store: Store, said: Lookup
    ) -> None:
        rows.reserve_send("e1", "token", NOW)
        rows.remember("e1", said)
        assert known(store) == said
        assert rows.reserve_send("e1", "token-2", NOW + 30) == said
        assert known(store, "e2") is None

    def test_what_okta_said_last_counts(self, rows: EmailRows, store: Store) -> None:
        rows.reserve_send("e1", "token", NOW)
        for said in (NOBODY, lookup()):
            rows.remember("e1", said)
        assert known(store) == lookup()

    def test_what_is_forgotten_is_stale_but_leads_to_its_customer(
        self, rows: EmailRows, store: Store
    ) -> None:
        rows.reserve_send("e1", "token", NOW)
        rows.remember("e1", lookup())
        rows.forget("e1")
        said = known(store)
        assert said is not None
        assert said.customer == lookup().customer
        assert not policy.is_fresh(said, NOW)

    def test_an_own_send_sent_twice_brings_what_is_known(
        self, rows: EmailRows, dynamodb: Unreliable
    ) -> None:
        rows.reserve_send("e1", "token", NOW)
        rows.remember("e1", lookup())
        dynamodb.repeats = True
        assert rows.reserve_send("e1", "token-2", NOW + 30) == lookup()

    def test_a_lookup_neither_counts_nor_refunds_a_send(self, rows: EmailRows) -> None:
        wait(rows, NOW)
        rows.remember("e1", lookup())
        rows.forget("e1")
        assert wait(rows, NOW + 1) == 29

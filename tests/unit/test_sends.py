"""How often a code may be sent, how long a lookup is believed, and what counts as one source."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.examples import NOW, lookup
from verification import policy

KEPT = max(count for _, count in policy.SEND_WINDOWS)
STEPS = st.sampled_from([0, 1, 29, 30, 31, 300, 720, 3570, 3599, 3600, 3601, 20_000, 86_400])
GAPS = st.lists(STEPS | st.integers(0, 90_000), max_size=25)


def may_send(sends: Sequence[int], now: int) -> bool:
    """The rule in its plainest words: at most so many in any span of so many seconds."""
    return all(
        sum(now - seconds < sent <= now for sent in sends) < count
        for seconds, count in policy.SEND_WINDOWS
    )


def least_wait(sends: Sequence[int], now: int) -> int:
    """The first moment at which the rule allows a send, if none comes in between."""
    waits = {0, *(sent + seconds - now for sent in sends for seconds, _ in policy.SEND_WINDOWS)}
    return min(wait for wait in waits if wait >= 0 and may_send(sends, now + wait))


def kept(sends: Sequence[int]) -> tuple[int, ...]:
    """The last sends as a row has them: newest first, and 0 where there was none."""
    return (*reversed(sends), *(0,) * KEPT)[:KEPT]


class TestSendWait:
    def test_the_windows_are_those_that_were_promised(self) -> None:
        assert policy.SEND_WINDOWS == ((30, 1), (3600, 5), (86_400, 10))

    @given(GAPS)
    def test_a_send_waits_for_as_long_as_the_plain_rule_says(self, gaps: list[int]) -> None:
        sends: list[int] = []
        now = NOW
        for gap in gaps:
            now += gap
            wait = policy.send_wait(kept(sends), now)
            assert max(0, wait) == least_wait(sends, now)
            assert (wait <= 0) is may_send(sends, now)
            if wait <= 0:
                sends.append(now)

    @given(GAPS)
    def test_whoever_waits_as_told_is_never_refused(self, gaps: list[int]) -> None:
        sends: list[int] = []
        now = NOW
        for gap in gaps:
            now += gap
            now += max(0, policy.send_wait(kept(sends), now))
            assert policy.send_wait(kept(sends), now) <= 0
            sends.append(now)

    @pytest.mark.parametrize(
        ("ago", "wait"),
        [
            ([], 0),
            ([0], 30),
            ([29], 1),
            ([30], 0),
            ([31, 61, 91, 121], 0),
            ([31, 61, 91, 121, 151], 3449),
            ([31, 61, 91, 121, 3600], 0),
            ([31, 61, 91, 121, 3599], 1),
            ([3600 * n + 31 for n in range(9)], 0),
            ([3600 * n + 31 for n in range(10)], 86_400 - 3600 * 9 - 31),
        ],
    )
    def test_the_longest_wait_counts(self, ago: list[int], wait: int) -> None:
        sends = [NOW - seconds for seconds in reversed(ago)]
        assert max(0, policy.send_wait(kept(sends), NOW)) == wait


class TestIsFresh:
    @pytest.mark.parametrize(
        ("age", "fresh"), [(0, True), (899, True), (900, False), (NOW, False), (-1, False)]
    )
    def test_a_customer_is_believed_for_a_quarter_of_an_hour(self, age: int, fresh: bool) -> None:
        assert policy.is_fresh(lookup(at=NOW - age), NOW) is fresh

    @pytest.mark.parametrize(("age", "fresh"), [(0, True), (59, True), (60, False), (-1, False)])
    def test_an_unknown_email_is_believed_for_a_minute(self, age: int, fresh: bool) -> None:
        """Its owner may be registering at this moment."""
        nobody = lookup(at=NOW - age, user_id="", refusal="customer_not_found")
        assert policy.is_fresh(nobody, NOW) is fresh


class TestSourceNetwork:
    @pytest.mark.parametrize(
        ("address", "network"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
            ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("", ""),
            ("not an address", "not an address"),
            ("203.0.113.7, 192.0.2.1", "203.0.113.7, 192.0.2.1"),
        ],
    )
    def test_a_source_is_an_address_or_a_subscriber_s_network(
        self, address: str, network: str
    ) -> None:
        assert policy.source_network(address) == network

    @given(st.ip_addresses(v=4).map(str))
    def test_two_addresses_of_version_4_are_two_sources(self, address: str) -> None:
        assert policy.source_network(address) == address

    @given(st.integers(2, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
    def test_a_subscriber_s_addresses_are_one_source(self, prefix: int, one: int, two: int) -> None:
        def source(host: int, network: int = prefix) -> str:
            return policy.source_network(str(IPv6Address(network << 64 | host)))

        assert source(one) == source(two)
        assert source(one) != source(one, prefix ^ 1)

    @given(st.text())
    def test_any_text_is_a_source_without_a_fault(self, text: str) -> None:
        assert isinstance(policy.source_network(text), str)

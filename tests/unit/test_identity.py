"""Names for customers and challenges: stable, separate by kind, and not to be forged."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verification.identity import Identities
from verification.models import Email

ROOT_KEY = "a-root-key-of-tests-that-is-long-enough"
EMAIL = Email("ada@example.com")
USER_ID = "00u0000000000000ada0"

IDENTITIES = Identities(ROOT_KEY)
CUSTOMER = IDENTITIES.of_user(USER_ID)
CHALLENGE_ID = Identities(ROOT_KEY, lambda size: bytes(range(size))).new_challenge_id(CUSTOMER)
RAW = urlsafe_b64decode(CHALLENGE_ID.removeprefix("ch_"))


def encoded(raw: bytes) -> str:
    return "ch_" + urlsafe_b64encode(raw).decode()


class TestHashes:
    def test_a_name_is_32_hex_digits_and_always_the_same(self) -> None:
        others = (IDENTITIES.of_decoy(CUSTOMER), IDENTITIES.of_source("203.0.113.7"))
        for name in (IDENTITIES.of_email(EMAIL), CUSTOMER, *others, IDENTITIES.of_request("key")):
            assert len(bytes.fromhex(name)) == 16
        assert Identities(ROOT_KEY).of_email(EMAIL) == IDENTITIES.of_email(EMAIL)
        assert Identities(ROOT_KEY).of_user(USER_ID) == CUSTOMER

    @pytest.mark.parametrize(
        "login",
        ["ada@example.com", " ADA@Example.com\t", "\uff41da@example.com", "ada@example.com\u00a0"],
    )
    def test_a_login_that_is_an_email_has_its_name_however_it_is_spelled(self, login: str) -> None:
        assert IDENTITIES.of_login(login) == IDENTITIES.of_email(EMAIL)

    def test_two_logins_have_two_names(self) -> None:
        logins = ("ada@example.com", "ada", "ada.lovelace", "\ud800", "\ud801", "stra\u00dfe")
        assert len({IDENTITIES.of_login(login) for login in logins}) == len(logins)

    def test_the_same_text_as_email_and_as_user_has_two_names(self) -> None:
        assert IDENTITIES.of_email(EMAIL) != IDENTITIES.of_user(EMAIL)

    def test_no_two_kinds_of_name_are_the_same(self) -> None:
        makers = (
            IDENTITIES.of_email,
            IDENTITIES.of_user,
            IDENTITIES.of_decoy,
            IDENTITIES.of_source,
            IDENTITIES.of_sign_in,
            IDENTITIES.of_request,
        )
        assert len({make(EMAIL) for make in makers}) == len(makers)

    @given(st.lists(st.text(st.characters(exclude_characters="\0")), min_size=2, max_size=4))
    def test_a_request_s_parts_do_not_run_into_each_other(self, parts: list[str]) -> None:
        joined = ["".join(parts[:2]), *parts[2:]]
        assert IDENTITIES.of_request(*parts) != IDENTITIES.of_request(*joined)
        assert IDENTITIES.of_request(*parts) == IDENTITIES.of_request(*parts)

    def test_half_a_character_in_a_request_is_no_fault(self) -> None:
        assert IDENTITIES.of_request("\ud800") != IDENTITIES.of_request("\ud801")

    def test_two_customers_have_two_names(self) -> None:
        assert IDENTITIES.of_email(Email("bob@example.com")) != IDENTITIES.of_email(EMAIL)
        assert IDENTITIES.of_user("00u0000000000000bob0") != CUSTOMER

    def test_another_root_key_makes_other_names(self) -> None:
        other = Identities(ROOT_KEY + "!")
        assert other.of_email(EMAIL) != IDENTITIES.of_email(EMAIL)
        assert other.of_user(USER_ID) != CUSTOMER

    def test_neither_key_nor_email_shows(self) -> None:
        shown = f"{IDENTITIES!r} {IDENTITIES} {IDENTITIES.of_email(EMAIL)}"
        assert ROOT_KEY not in shown
        assert "ada" not in shown


class TestChallengeIds:
    @given(st.binary(min_size=16, max_size=16))
    def test_an_id_leads_to_its_customer(self, key: bytes) -> None:
        assert IDENTITIES.customer_of(IDENTITIES.new_challenge_id(key.hex())) == key.hex()

    def test_an_id_is_one_path_segment_without_padding(self) -> None:
        assert len(CHALLENGE_ID) == len("ch_") + 44
        assert CHALLENGE_ID.replace("_", "").replace("-", "").isalnum()

    def test_ids_of_one_customer_share_no_visible_part(self) -> None:
        numbers = count()
        identities = Identities(ROOT_KEY, lambda size: next(numbers).to_bytes(size, "big"))
        # The nonce (12 characters) counts up here; what follows it would show the customer.
        hidden = [identities.new_challenge_id(CUSTOMER)[len("ch_") + 12 :] for _ in range(50)]
        windows = [{each[i : i + 6] for i in range(len(each) - 5)} for each in hidden]
        for index, window in enumerate(windows):
            assert all(window.isdisjoint(other) for other in windows[index + 1 :])

    def test_a_new_id_takes_new_random_bytes(self) -> None:
        assert IDENTITIES.new_challenge_id(CUSTOMER) != IDENTITIES.new_challenge_id(CUSTOMER)

    def test_an_id_holds_its_customer_neither_in_hex_nor_in_base64(self) -> None:
        key = bytes.fromhex(CUSTOMER)
        assert CUSTOMER not in CHALLENGE_ID
        assert all(key[i : i + 3] not in RAW for i in range(len(key) - 2))

    @given(st.integers(0, len(RAW) * 8 - 1))
    def test_an_id_with_any_bit_flipped_is_refused(self, bit: int) -> None:
        flipped = bytearray(RAW)
        flipped[bit // 8] ^= 1 << bit % 8
        assert IDENTITIES.customer_of(encoded(bytes(flipped))) is None

    @given(st.integers(0, len(CHALLENGE_ID) - 1), st.characters(codec="utf-8"))
    def test_an_id_with_another_character_is_refused(self, at: int, character: str) -> None:
        if character != CHALLENGE_ID[at]:
            changed = CHALLENGE_ID[:at] + character + CHALLENGE_ID[at + 1 :]
            assert IDENTITIES.customer_of(changed) is None

    @given(st.integers(0, len(CHALLENGE_ID) - 1))
    def test_a_part_of_an_id_is_refused(self, length: int) -> None:
        assert IDENTITIES.customer_of(CHALLENGE_ID[:length]) is None
        assert IDENTITIES.customer_of(CHALLENGE_ID[len(CHALLENGE_ID) - length :]) is None

    @given(st.binary(min_size=33, max_size=33))
    def test_a_forged_id_is_refused(self, raw: bytes) -> None:
        assert IDENTITIES.customer_of(encoded(raw)) is None

    @given(st.text())
    def test_any_text_is_refused_without_a_fault(self, text: str) -> None:
        assert IDENTITIES.customer_of(text) is None
        assert IDENTITIES.customer_of(f"ch_{text}") is None

    @pytest.mark.parametrize(
        "other_spelling",
        [
            CHALLENGE_ID + "=",
            CHALLENGE_ID + "====",
            CHALLENGE_ID + "\n",
            " " + CHALLENGE_ID,
            "ch_" + CHALLENGE_ID,
            CHALLENGE_ID.removeprefix("ch_"),
            CHALLENGE_ID.upper(),
            CHALLENGE_ID[:20] + "\n" + CHALLENGE_ID[20:],
            CHALLENGE_ID[:20] + "!" + CHALLENGE_ID[20:],
            encoded(RAW + b"\0"),
            encoded(b"\0" + RAW),
            "\ud800",
            "ch_",
        ],
    )
    def test_an_id_has_one_spelling(self, other_spelling: str) -> None:
        assert IDENTITIES.customer_of(other_spelling) is None

    def test_an_id_made_under_another_root_key_is_refused(self) -> None:
        assert Identities(ROOT_KEY + "!").customer_of(CHALLENGE_ID) is None

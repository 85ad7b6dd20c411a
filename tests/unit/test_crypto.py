"""Hashes, sealed texts and ids: stable, separate by kind, and impossible to forge."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verification.crypto import DeviceClaim, Keyring, Place, Row, fold_login
from verification.models import CustomerKey, Email, EmailHash, FactorRef

ROOT_KEY = "a-root-key-of-tests-that-is-long-enough"
KEYS, OTHER_KEYS = Keyring(ROOT_KEY), Keyring(f"{ROOT_KEY}!")
TEXT = "ada@example.com"
EMAIL = Email(TEXT)
PLACE = Place(Row.CUSTOMER, "0c" * 16)
CHALLENGE_ID = Keyring(ROOT_KEY, lambda size: bytes(range(size))).new_challenge_id(PLACE)
REF = FactorRef("00u1", "ufs1", EmailHash("0e" * 16), 1_750_000_000, "Shop", "Zoë \ud800")
CLAIM = DeviceClaim("0d" * 16, CustomerKey("0c" * 16), EmailHash("0e" * 16), 1_750_000_000)
SEALED = KEYS.seal("context", TEXT)
OPEN: dict[str, tuple[str, Callable[[str], object]]] = {
    "a challenge id": (CHALLENGE_ID, KEYS.place_of),
    "a factor id": (KEYS.factor_id(REF), KEYS.factor_ref),
    "a device token": (KEYS.device_token(CLAIM), KEYS.device_claim),
    "a sealed text": (SEALED, lambda sealed: KEYS.unseal("context", sealed)),
}
EVERY_KIND = pytest.mark.parametrize(("sealed", "unseal"), OPEN.values(), ids=OPEN.keys())
HASHES: list[Callable[[Keyring], str]] = [
    *(lambda keys: keys.email_hash(EMAIL), lambda keys: keys.login_hash(TEXT)),
    *(lambda keys: keys.customer_key(TEXT), lambda keys: keys.sign_in_key(TEXT)),
    *(lambda keys: keys.source_hash(TEXT), lambda keys: keys.destination_hash(TEXT)),
    lambda keys: keys.request_hash(TEXT),
]


def encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def raw_of(sealed: str) -> bytes:
    text = sealed.removeprefix("ch_")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class TestHashes:
    @pytest.mark.parametrize("hash_with", HASHES)
    def test_a_hash_is_32_hex_digits_and_depends_on_the_root_key(
        self, hash_with: Callable[[Keyring], str]
    ) -> None:
        assert len(bytes.fromhex(hash_with(KEYS))) == 16
        assert hash_with(KEYS) == hash_with(Keyring(ROOT_KEY)) != hash_with(OTHER_KEYS)
        assert TEXT not in hash_with(KEYS)

    def test_the_same_text_has_another_hash_for_each_kind(self) -> None:
        assert len({hash_with(KEYS) for hash_with in HASHES}) == len(HASHES)

    def test_two_texts_have_two_hashes(self) -> None:
        assert KEYS.email_hash(Email("bob@example.com")) != KEYS.email_hash(EMAIL)
        assert KEYS.customer_key("00u2") != KEYS.customer_key("00u1")

    def test_a_destination_is_the_same_in_any_case(self) -> None:
        assert KEYS.destination_hash("ADA@Example.com") == KEYS.destination_hash(TEXT)

    @given(st.lists(st.text(st.characters(exclude_characters="\0")), min_size=2, max_size=4))
    def test_the_parts_of_a_request_do_not_run_into_each_other(self, parts: list[str]) -> None:
        joined = ["".join(parts[:2]), *parts[2:]]
        assert KEYS.request_hash(*parts) != KEYS.request_hash(*joined)

    def test_the_representation_shows_no_key(self) -> None:
        assert ROOT_KEY not in f"{KEYS!r} {KEYS}"


class TestLogins:
    @pytest.mark.parametrize(
        "spelling",
        [
            "ada@example.com",
            " ADA@Example.com\t",
            "\u00e0da@example.com",  # à in one character
            "a\u0300da@example.com",  # a with a combining mark
            "a\u0300\u0301da@example.com",  # with two
            "ád\u00e3@ÉXAMPLE.com",
            "\uff41da@example.com",  # a full-width letter
            "ada\uff20example.com",  # a full-width @
            "ada@example.com\u00a0",
            "ada@example.com\u00af",  # decomposes to a blank and a mark
            "a\ufe0fda@example.com",  # a mark that does not combine
            "ada\u200b@example.com",  # a blank of no width
        ],
    )
    def test_spellings_that_okta_takes_for_one_login_have_one_hash(self, spelling: str) -> None:
        assert fold_login(spelling) == TEXT
        assert KEYS.login_hash(spelling) == KEYS.login_hash(TEXT)

    def test_other_logins_have_other_hashes(self) -> None:
        logins = (TEXT, "ada", "ada.lovelace", "adam@example.com", "\ud800", "\ud801", "ada x")
        assert len({KEYS.login_hash(login) for login in logins}) == len(logins)

    @given(st.text())
    def test_case_and_marks_never_count(self, login: str) -> None:
        assert fold_login(fold_login(login)) == fold_login(login)
        assert fold_login(f"{login}a\u0301") == fold_login(f"{login}A")


class TestSealing:
    @given(st.text(), st.text())
    def test_a_text_is_read_in_its_context_alone(self, context: str, text: str) -> None:
        sealed = KEYS.seal(context, text)
        assert KEYS.unseal(context, sealed) == text
        assert KEYS.unseal(f"{context}x", sealed) is None
        assert KEYS.seal(context, text) == sealed

    @given(st.sampled_from(Row), st.binary(min_size=16, max_size=16))
    def test_a_challenge_id_contains_its_place(self, row: Row, key: bytes) -> None:
        place = Place(row, key.hex())
        ids = {KEYS.new_challenge_id(place) for _ in range(2)}
        assert len(ids) == 2
        assert [KEYS.place_of(each) for each in ids] == [place, place]

    def test_a_factor_id_and_a_device_token_contain_what_they_stand_for(self) -> None:
        assert KEYS.factor_ref(KEYS.factor_id(REF)) == REF
        assert KEYS.device_claim(KEYS.device_token(CLAIM)) == CLAIM

    def test_no_kind_is_read_as_another(self) -> None:
        for name, (_, unseal) in OPEN.items():
            others = [sealed for kind, (sealed, _) in OPEN.items() if kind != name]
            spellings = [each.removeprefix("ch_") for each in others]
            assert [unseal(each) for each in (*others, *spellings)] == [None] * 6
            assert [unseal(f"ch_{each}") for each in spellings] == [None] * 3

    @EVERY_KIND
    def test_it_is_one_path_segment_that_shows_nothing(
        self, sealed: str, unseal: Callable[[str], object]
    ) -> None:
        assert unseal(sealed) is not None
        assert sealed.replace("_", "").replace("-", "").isalnum()
        hidden = bytes.fromhex(PLACE.key), b"00u1", b"ada", PLACE.key.encode()
        assert not any(each in raw_of(sealed) for each in hidden)

    @EVERY_KIND
    def test_another_root_key_reads_nothing(
        self, sealed: str, unseal: Callable[[str], object]
    ) -> None:
        assert unseal(sealed) is not None
        assert OTHER_KEYS.place_of(sealed) is None
        assert OTHER_KEYS.factor_ref(sealed) is None
        assert OTHER_KEYS.device_claim(sealed) is None
        assert OTHER_KEYS.unseal("context", sealed) is None

    @EVERY_KIND
    @given(st.data())
    def test_a_changed_bit_is_noticed(
        self, sealed: str, unseal: Callable[[str], object], data: st.DataObject
    ) -> None:
        raw = bytearray(raw_of(sealed))
        bit = data.draw(st.integers(0, len(raw) * 8 - 1))
        raw[bit // 8] ^= 1 << bit % 8
        prefix = "ch_" if sealed.startswith("ch_") else ""
        assert unseal(prefix + encoded(bytes(raw))) is None

    @EVERY_KIND
    @given(st.data(), st.characters(codec="utf-8"))
    def test_a_changed_or_missing_character_is_noticed(
        self, sealed: str, unseal: Callable[[str], object], data: st.DataObject, other: str
    ) -> None:
        at = data.draw(st.integers(0, len(sealed) - 1))
        if other != sealed[at]:
            assert unseal(sealed[:at] + other + sealed[at + 1 :]) is None
        assert unseal(sealed[:at]) is None
        assert unseal(sealed[at + 1 :]) is None

    @EVERY_KIND
    def test_there_is_one_spelling(self, sealed: str, unseal: Callable[[str], object]) -> None:
        last = sealed[-1]
        others = [
            *(f"{sealed}=", f"{sealed}====", f"{sealed}\n", f" {sealed}", f"ch_{sealed}"),
            *(f"{sealed[:20]}\n{sealed[20:]}", f"{sealed[:20]}!{sealed[20:]}", sealed.swapcase()),
            *(sealed + "A", sealed + "AA", f"{sealed}.{sealed}"),
            *(sealed[:-1] + each for each in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef" if each != last),
        ]
        assert [each for each in others if unseal(each) is not None] == []

    @EVERY_KIND
    @given(st.text() | st.binary(max_size=80).map(encoded))
    def test_any_other_text_is_refused_without_an_exception(
        self, sealed: str, unseal: Callable[[str], object], text: str
    ) -> None:
        assert text != sealed
        assert unseal(text) is None
        assert unseal(f"ch_{text}") is None

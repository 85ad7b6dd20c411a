"""Hashes, sealed texts and ids: stable, separate by kind, and impossible to forge."""

from __future__ import annotations

import hmac
import sys
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from verification.crypto import DeviceClaim, Keyring, Place, Row, fold_login
from verification.models.customers import CustomerKey, Email, EmailHash, FactorRef

pytestmark = pytest.mark.no_cover
"""No use case runs here, and to trace the loops took as long again."""

ROOT_KEY = "a-root-key-of-tests-that-is-long-enough"
KEYS, OTHER_KEYS = Keyring(ROOT_KEY), Keyring(f"{ROOT_KEY}!")
TEXT = "ada@example.com"
EMAIL = Email(TEXT)
PLACE = Place(Row.CUSTOMER, "0c" * 16)
CHALLENGE_ID = Keyring(ROOT_KEY, lambda size: bytes(range(size))).new_challenge_id(PLACE)
REF = FactorRef("00u1", "ufs1", EmailHash("0e" * 16), 1_750_000_000, "Shop", "Zoë \ud800")
CLAIM = DeviceClaim("0d" * 16, CustomerKey("0c" * 16), EmailHash("0e" * 16), 1_750_000_000)
Unseal = Callable[[str], object]
OPEN: dict[str, tuple[str, Unseal, object]] = {
    "a challenge id": (CHALLENGE_ID, KEYS.place_of, PLACE),
    "a factor id": (KEYS.factor_id(REF), KEYS.factor_ref, REF),
    "a device token": (KEYS.device_token(CLAIM), KEYS.device_claim, CLAIM),
    "a text": (KEYS.seal("context", TEXT), lambda sealed: KEYS.unseal("context", sealed), TEXT),
}
EVERY_KIND = pytest.mark.parametrize(
    ("sealed", "unseal"), [each[:2] for each in OPEN.values()], ids=OPEN.keys()
)
HASHES: list[Callable[[Keyring, str], str]] = [
    *(lambda keys, text: keys.email_hash(Email(text)), Keyring.login_hash, Keyring.customer_key),
    *(Keyring.sign_in_key, Keyring.source_hash, Keyring.destination_hash, Keyring.request_hash),
]


def encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def raw_of(sealed: str) -> bytes:
    text = sealed.removeprefix("ch_")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class TestHashes:
    @pytest.mark.parametrize("hash_with", HASHES)
    def test_a_hash_is_32_hex_digits_and_depends_on_the_text_and_the_root_key(
        self, hash_with: Callable[[Keyring, str], str]
    ) -> None:
        told = hash_with(KEYS, TEXT)
        assert len(bytes.fromhex(told)) == 16
        assert hash_with(Keyring(ROOT_KEY), TEXT) == told
        assert told not in (hash_with(OTHER_KEYS, TEXT), hash_with(KEYS, "bob@example.com"))

    def test_the_same_text_has_another_hash_for_each_kind(self) -> None:
        assert len({hash_with(KEYS, TEXT) for hash_with in HASHES}) == len(HASHES)

    def test_a_destination_is_the_same_in_any_case(self) -> None:
        assert KEYS.destination_hash("ADA@Example.com") == KEYS.destination_hash(TEXT)

    @given(st.lists(st.text(st.characters(exclude_characters="\0")), min_size=2, max_size=4))
    def test_the_parts_of_a_request_do_not_run_into_each_other(self, parts: list[str]) -> None:
        joined = ["".join(parts[:2]), *parts[2:]]
        assert KEYS.request_hash(*parts) != KEYS.request_hash(*joined)

    def test_they_never_change_because_the_table_keeps_them(self) -> None:
        kinds = "email", "login", "customer", "sign-in", "source", "destination", "request"
        for kind, hash_with in zip(kinds, HASHES, strict=True):
            key = hmac.digest(ROOT_KEY.encode(), kind.encode(), "sha256")
            assert hash_with(KEYS, TEXT) == hmac.digest(key, TEXT.encode(), "sha256")[:16].hex()

    def test_the_representation_shows_no_key(self) -> None:
        assert ROOT_KEY not in f"{KEYS!r} {KEYS}"


class TestLogins:
    @pytest.mark.parametrize(
        "spelling",
        [
            " ADA@Example.com\t",
            "\u00e0da@example.com",  # à in one character
            "a\u0300\u0301da@example.com",  # a with two combining marks
            "ád\u00e3@ÉXAMPLE.com",
            "\uff41da@example.com",  # a full-width letter
            "ada\uff20example.com",  # a full-width @
            "ada@example.com\u00a0",
            "ada@example.com\u00af",  # decomposes to a blank and a mark
            "a\ufe0fda@example.com",  # a mark that does not combine
            "ada\u0903@example.com",  # a mark that takes room
            "ada\u20dd@example.com",  # a circle around a letter
            "ada\u200b@example.com",  # a blank of no width
            "ada\u0345@example.com",  # a mark of which case folding makes a letter
            "ada@example.com\x01",  # a control character, which Java's trim takes for a blank
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

    def test_no_character_of_unicode_brings_a_spelling_of_its_own(self) -> None:
        """Marks do not count, on their own or as parts of letters, and then no case does."""
        every = map(chr, range(sys.maxunicode + 1))
        text = "".join(each for each in every if unicodedata.category(each) not in ("Cn", "Co"))
        for start in range(0, len(text), 64):
            part = text[start : start + 64]
            decomposed = unicodedata.normalize("NFKD", part)
            bare = "".join(each for each in decomposed if not unicodedata.combining(each))
            spellings = {part, bare, bare.upper(), bare.lower(), bare.casefold()}
            assert len({fold_login(each) for each in spellings}) == 1, hex(start)


class TestSealing:
    @given(st.text(), st.text())
    @example("context", "\ud800")
    def test_a_text_is_read_in_its_context_alone(self, context: str, text: str) -> None:
        sealed = KEYS.seal(context, text)
        assert KEYS.unseal(context, sealed) == text
        assert KEYS.unseal(f"{context}x", sealed) is None
        assert KEYS.seal(context, text) == sealed

    @pytest.mark.parametrize("row", Row)
    def test_every_challenge_has_an_id_of_its_own_that_contains_its_place(self, row: Row) -> None:
        place = Place(row, "0f" * 16)
        one, other = KEYS.new_challenge_id(place), KEYS.new_challenge_id(place)
        assert one != other
        assert KEYS.place_of(one) == KEYS.place_of(other) == place

    def test_what_was_given_out_stays_readable(self) -> None:
        """A factor's id is the same each time, and a device keeps its token for half a year."""
        keys = Keyring(ROOT_KEY, lambda size: bytes(range(size)))
        assert [
            keys.new_challenge_id(PLACE),
            keys.factor_id(REF),
            keys.device_token(CLAIM),
            keys.seal("context", TEXT),
        ] == [
            "ch_llZL2B0z4WMQIEXUX0jkavyPWNR5K7flOsrNgeDrV5P_a3rKR7WcKjyoYgEn7C5-kG3msqZtQxm1",
            "BvEuFAeaBu5B06Gwtfaqdqzoq6BpTVHAmFHicxnZbmGgv0AJ2Z0B-jUZykWfjHOLAJKte0QayO7y_NQdVg3n"
            "t0Xd_7mMFVn6XTiMp5ijf6xIaxuuscOUT7Kk7SMsIPtq_DcsU1vg",
            "mDbAKJj5k7Kwvm4kS3_Rd3TqgFVuAoJlP64mzyNVPn-y4_W_7oH0eG2m0J0LkkONJiJnOA4rQ0EUL5a1kGDs"
            "QOPgW0YcwGA2mpxRJ4CYK8DamM9T-5Z_R2sN8Vp3dQvfAgncBrXpJPBEtx9sNAhOwdBUcrvRC_m31msZEOQz"
            "xMyE_iY6SA",
            "ZKmSltPczSgn8ODcBgzVK0HEr8jaA-t822K7FhWkHA",
        ]

    def test_no_kind_is_read_as_another(self) -> None:
        for name, (own, unseal, content) in OPEN.items():
            assert unseal(own) == content
            others = [sealed for kind, (sealed, *_) in OPEN.items() if kind != name]
            spellings = [each.removeprefix("ch_") for each in others]
            prefixed = [f"ch_{each}" for each in spellings]
            assert [unseal(each) for each in (*others, *spellings, *prefixed)] == [None] * 9

    @EVERY_KIND
    def test_it_is_one_path_segment_that_shows_nothing(self, sealed: str, unseal: Unseal) -> None:
        assert unseal(sealed) is not None
        assert sealed.replace("_", "").replace("-", "").isalnum()
        hidden = bytes.fromhex(PLACE.key), b"00u1", b"ada", PLACE.key.encode()
        assert not any(each in raw_of(sealed) for each in hidden)

    def test_another_root_key_reads_nothing(self) -> None:
        for sealed, *_ in OPEN.values():
            assert OTHER_KEYS.place_of(sealed) is None
            assert OTHER_KEYS.factor_ref(sealed) is None
            assert OTHER_KEYS.device_claim(sealed) is None
            assert OTHER_KEYS.unseal("context", sealed) is None

    @EVERY_KIND
    def test_a_changed_bit_is_noticed(self, sealed: str, unseal: Unseal) -> None:
        raw, prefix = raw_of(sealed), "ch_" if sealed.startswith("ch_") else ""
        for bit in range(len(raw) * 8):
            changed = bytearray(raw)
            changed[bit // 8] ^= 1 << bit % 8
            assert unseal(prefix + encoded(bytes(changed))) is None

    @EVERY_KIND
    def test_there_is_one_spelling(self, sealed: str, unseal: Unseal) -> None:
        last = sealed[-1]
        others = [
            *(f"{sealed}=", f"{sealed}====", f"{sealed}\n", f" {sealed}", f"ch_{sealed}"),
            *(f"{sealed[:20]}\n{sealed[20:]}", f"{sealed[:20]}!{sealed[20:]}", sealed.swapcase()),
            *(sealed + "A", sealed + "AA", f"{sealed}.{sealed}", sealed[1:]),
            *(sealed[:end] for end in range(len(sealed))),
            *(sealed[:-1] + each for each in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef" if each != last),
        ]
        assert [each for each in others if unseal(each) is not None] == []

    @EVERY_KIND
    @given(st.text() | st.binary(max_size=80).map(encoded))
    def test_any_other_text_is_refused_without_an_exception(
        self, sealed: str, unseal: Unseal, text: str
    ) -> None:
        assert text != sealed
        assert unseal(text) is None
        assert unseal(f"ch_{text}") is None

"""Emails, codes and channels: what is taken for one, what is not, and how it is shown again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verification import errors, policy
from verification.models import Channel

LONGEST = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 57}.com"

ACCEPTED = {
    "ada@example.com": "ada@example.com",
    "  Ada@Example.COM ": "ada@example.com",
    "o'brien+shop@mail.example.co.uk": "o'brien+shop@mail.example.co.uk",
    "a@b.co": "a@b.co",
    "a/b=c?d@example.com": "a/b=c?d@example.com",
    "JÜRGEN@MÜNCHEN.example": "jürgen@münchen.example",
    "дарья@почта.example": "дарья@почта.example",
    "花子@例え.テスト": "花子@例え.テスト",
    f"{'a' * 64}@example.com": f"{'a' * 64}@example.com",
    LONGEST: LONGEST,
}

REFUSED = {
    "no at sign": "ada.example.com",
    "two at signs": "ada@@example.com",
    "an address in an address": "ada@example.com@evil.example",
    "no local part": "@example.com",
    "no domain": "ada@",
    "one label": "ada@example",
    "an empty label": "ada@example..com",
    "a leading dot": "ada@.example.com",
    "a trailing dot": "ada@example.com.",
    "a leading hyphen": "ada@-example.com",
    "a trailing hyphen": "ada@example-.com",
    "a blank inside": "ada lovelace@example.com",
    "a blank in the domain": "ada@exam ple.com",
    "a trailing newline": "ada@example.com\n",
    "a leading newline": "\nada@example.com",
    "a newline in the middle": "ada@exam\nple.com",
    "another header": "ada@example.com\r\nBcc: eve@evil.example",
    "a tab": "ada\t@example.com",
    "a null": "ada\0@example.com",
    "a delete": "ada\x7f@example.com",
    "an escape": "ada\x1b[2J@example.com",
    "a no-break space": "\u00a0ada@example.com",
    "a line separator": "ada\u2028@example.com",
    "a zero-width space": "ada\u200b@example.com",
    "a right-to-left override": "ada\u202e@example.com",
    "half a character": "\ud800@example.com",
    "the other half": "ada@example\udfff.com",
    "a quote that ends a search": 'ada"@example.com',
    "a quoted local part": '"ada lovelace"@example.com',
    "a backslash": "ada\\@example.com",
    "an address literal": "ada@[127.0.0.1]",
    "a second recipient": "ada@example.com,eve@evil.example",
    "a display name": "Ada <ada@example.com>",
    "a scheme": "mailto:ada@example.com",
    "a comment": "ada(x)@example.com",
    "an escaped at sign": "ada%40example.com",
    "65 in the local part": f"{'a' * 65}@example.com",
    "64 in a label": f"ada@{'b' * 64}.com",
    "255 in all": LONGEST.replace(".com", ".come"),
}


class TestEmails:
    @pytest.mark.parametrize(("text", "email"), ACCEPTED.items())
    def test_an_address_is_normalised(self, text: str, email: str) -> None:
        assert policy.parse_email(text) == email

    @pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
    def test_what_is_no_address_is_refused(self, text: str) -> None:
        with pytest.raises(errors.InvalidEmail) as refused:
            policy.parse_email(text)
        assert refused.value.code == "invalid_email"
        assert text not in str(refused.value)

    @pytest.mark.parametrize("text", ["", " ", "    "])
    def test_nothing_is_missing_rather_than_invalid(self, text: str) -> None:
        with pytest.raises(errors.MissingEmail) as refused:
            policy.parse_email(text)
        assert refused.value.code == "missing_email"

    def test_the_table_holds_the_longest_address_and_one_that_is_longer(self) -> None:
        assert (len(LONGEST), len(REFUSED["255 in all"])) == (254, 255)

    @given(st.emails() | st.text(max_size=30).map(lambda text: f"{text}@example.com"))
    def test_normalising_twice_changes_nothing(self, text: str) -> None:
        try:
            email = policy.parse_email(text)
        except errors.BadRequest:
            return
        assert policy.parse_email(email) == email

    @given(st.text(min_size=1, max_size=10), st.sampled_from('"\\ \r\n\t\0,;:<>()[]@'))
    def test_nothing_that_means_something_to_a_search_or_a_mail_passes(
        self, text: str, special: str
    ) -> None:
        with pytest.raises(errors.InvalidEmail):
            policy.parse_email(f"a{special}{text}@example.com")


class TestCodes:
    @pytest.mark.parametrize("text", ["123456", "123 456", " 123456 ", "123-456", "1 2 3 4 5 6"])
    def test_grouping_does_not_matter(self, text: str) -> None:
        assert policy.parse_code(text) == "123456"

    def test_leading_zeros_stay(self) -> None:
        assert policy.parse_code("000 007") == "000007"

    @pytest.mark.parametrize(
        "text",
        [
            "12345",
            "1234567",
            "12345a",
            "12345.",
            "+12345",
            "0x1234",
            "1e1000",
            "123456\n",
            "123\t456",
            "123456\0",
            "123\u00a0456",
            "12345\u00b2",
            "\ud80012345",
            "\uff11\uff12\uff13\uff14\uff15\uff16",
            "\u0661\u0662\u0663\u0664\u0665\u0666",
        ],
    )
    def test_anything_but_six_ascii_digits_is_refused(self, text: str) -> None:
        with pytest.raises(errors.InvalidCodeFormat) as refused:
            policy.parse_code(text)
        assert refused.value.code == "invalid_code_format"
        assert text not in str(refused.value)

    @pytest.mark.parametrize("text", ["", "  ", " - "])
    def test_nothing_is_missing_rather_than_invalid(self, text: str) -> None:
        with pytest.raises(errors.MissingCode) as refused:
            policy.parse_code(text)
        assert refused.value.code == "missing_code"


class TestPassCodes:
    @pytest.mark.parametrize("text", ["1234", "123456", "12345678", "1234567890", "123 456"])
    def test_a_factor_of_okta_s_may_have_four_to_ten_digits(self, text: str) -> None:
        assert policy.parse_pass_code(text) == text.replace(" ", "")

    def test_a_yubikey_types_44_letters(self) -> None:
        text = "cccc" + "bdefghij" * 4 + "klnrtuvc"
        assert policy.parse_pass_code(text) == text
        for other in (text[1:], text + "c", text.replace("c", "a"), text.upper()):
            with pytest.raises(errors.InvalidCodeFormat):
                policy.parse_pass_code(other)

    @pytest.mark.parametrize("text", ["", " - ", "123", "12345678901", "12345a", "\uff11" * 6])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(errors.InvalidCodeFormat) as refused:
            policy.parse_pass_code(text)
        assert refused.value.code == "invalid_code_format"


class TestChannels:
    @pytest.mark.parametrize("channel", [each for each in Channel if each.is_sent])
    def test_a_channel_goes_by_its_name(self, channel: Channel) -> None:
        assert policy.parse_channel(channel.value) is channel

    @pytest.mark.parametrize("text", ["", "EMAIL", "email ", "push", "totp", "question", "\ud800"])
    def test_what_cannot_carry_a_code_is_refused(self, text: str) -> None:
        with pytest.raises(errors.UnsupportedChannel) as refused:
            policy.parse_channel(text)
        assert refused.value.code == "unsupported_channel"


class TestLabels:
    @pytest.mark.parametrize("text", ["pick-up", "order:1001", "a", "A_b.c:d-9", "x" * 64])
    def test_a_short_plain_word_is_taken_as_it_is(self, text: str) -> None:
        assert policy.parse_label(text, "purpose") == text

    @pytest.mark.parametrize(
        "text",
        ["", "x" * 65, "pick up", "pick-up\n", "a\nb", "\u00e4", "<b>", "a/b", "a,b", "\ud800"],
    )
    def test_anything_else_is_named_and_not_repeated(self, text: str) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            policy.parse_label(text, "reference")
        assert (refused.value.code, refused.value.detail) == (
            "malformed_body",
            "reference must be 1 to 64 letters, digits, or ._:-",
        )


class TestMasks:
    @pytest.mark.parametrize(
        ("destination", "shown"),
        [
            ("ada@example.com", "a•••@example.com"),
            ("a@example.com", "a•••@example.com"),
            ("ünal@example.com", "ü•••@example.com"),
            ("odd@local@example.com", "o•••@example.com"),
            ("+15005550006", "•••0006"),
            ("", "•••"),
        ],
    )
    def test_its_owner_knows_it_and_nobody_else_learns_it(
        self, destination: str, shown: str
    ) -> None:
        assert policy.mask(destination) == shown

    @given(st.emails())
    def test_the_length_of_an_address_does_not_show(self, email: str) -> None:
        local, _, domain = email.rpartition("@")
        assert policy.mask(email) == f"{local[0]}•••@{domain}"

    @pytest.mark.parametrize(
        ("channel", "shown"), [("email", "a•••@example.com"), ("sms", "•••"), ("call", "•••")]
    )
    def test_the_public_is_shown_its_own_words(self, channel: str, shown: str) -> None:
        email = policy.parse_email("ada@example.com")
        assert policy.public_destination(email, Channel(channel)) == shown

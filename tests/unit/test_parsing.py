"""Pure checks of input: what is accepted, how it is normalised, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verification import errors, parsing
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

REFUSED = [
    *("ada.example.com", "ada@@example.com", "ada@example.com@evil.example", "@example.com"),
    *("ada@", "ada@example", "ada@example..com", "ada@.example.com", "ada@example.com."),
    *("ada@-example.com", "ada@example-.com", "ada lovelace@example.com", "ada@exam ple.com"),
    *("ada@example.com\n", "\nada@example.com", "ada@exam\nple.com"),
    *("ada@example.com\r\nBcc: eve@evil.example", "ada\t@example.com", "ada\0@example.com"),
    *("ada\x7f@example.com", "ada\x1b[2J@example.com", "\u00a0ada@example.com"),
    *("ada\u2028@example.com", "ada\u200b@example.com", "ada\u202e@example.com"),
    *("\ud800@example.com", "ada@example\udfff.com", 'ada"@example.com'),
    *('"ada lovelace"@example.com', "ada\\@example.com", "ada@[127.0.0.1]"),
    *("ada@example.com,eve@evil.example", "Ada <ada@example.com>", "mailto:ada@example.com"),
    *("ada(x)@example.com", "ada%40example.com", f"{'a' * 65}@example.com"),
    *(f"ada@{'b' * 64}.com", LONGEST.replace(".com", ".come")),
]


class TestEmails:
    @pytest.mark.parametrize(("text", "email"), ACCEPTED.items())
    def test_an_address_is_normalised(self, text: str, email: str) -> None:
        assert parsing.parse_email(text) == email

    @pytest.mark.parametrize("text", REFUSED)
    def test_anything_else_is_refused_and_not_repeated(self, text: str) -> None:
        with pytest.raises(errors.InvalidEmail) as refused:
            parsing.parse_email(text)
        assert refused.value.code == "invalid_email"
        assert text not in str(refused.value)

    @pytest.mark.parametrize("text", ["", " ", "    "])
    def test_an_empty_text_is_missing_rather_than_invalid(self, text: str) -> None:
        with pytest.raises(errors.MissingEmail) as refused:
            parsing.parse_email(text)
        assert refused.value.code == "missing_email"

    def test_the_examples_have_the_longest_address_and_a_longer_one(self) -> None:
        assert len(LONGEST) == 254

    @given(st.emails() | st.text(max_size=30).map(lambda text: f"{text}@example.com"))
    def test_normalising_twice_changes_nothing(self, text: str) -> None:
        try:
            email = parsing.parse_email(text)
        except errors.BadRequest:
            return
        assert parsing.parse_email(email) == email

    @given(st.text(min_size=1, max_size=10), st.sampled_from('"\\ \r\n\t\0,;:<>()[]@'))
    def test_characters_with_a_meaning_in_searches_and_mails_are_refused(
        self, text: str, special: str
    ) -> None:
        with pytest.raises(errors.InvalidEmail):
            parsing.parse_email(f"a{special}{text}@example.com")


class TestCodes:
    @pytest.mark.parametrize("text", ["123456", "123 456", " 123456 ", "123-456", "1 2 3 4 5 6"])
    def test_grouping_does_not_matter(self, text: str) -> None:
        assert parsing.parse_code(text) == "123456"

    @pytest.mark.parametrize(
        "text", ["123\u00a0456", "123456\n", "\uff11\uff12\uff13\uff14\uff15\uff16"]
    )
    def test_a_pasted_code_is_that_code(self, text: str) -> None:
        assert parsing.parse_code(text) == "123456"

    def test_leading_zeros_stay(self) -> None:
        assert parsing.parse_code("000 007") == "000007"

    @pytest.mark.parametrize(
        "text",
        [
            *("12345", "1234567", "12345a", "12345.", "+12345", "0x1234", "1e1000"),
            *("123456\0", "12345\u00b2", "\ud80012345"),
            "\u0661\u0662\u0663\u0664\u0665\u0666",
        ],
    )
    def test_anything_but_six_ascii_digits_is_refused(self, text: str) -> None:
        with pytest.raises(errors.InvalidCodeFormat) as refused:
            parsing.parse_code(text)
        assert refused.value.code == "invalid_code_format"
        assert text not in str(refused.value)

    @pytest.mark.parametrize("text", ["", "  ", " - "])
    def test_an_empty_text_is_missing_rather_than_invalid(self, text: str) -> None:
        with pytest.raises(errors.MissingCode) as refused:
            parsing.parse_code(text)
        assert refused.value.code == "missing_code"


class TestPassCodes:
    @pytest.mark.parametrize("text", ["1234", "123456", "12345678", "1234567890", "123 456"])
    def test_a_factor_of_okta_s_may_have_four_to_ten_digits(self, text: str) -> None:
        assert parsing.parse_pass_code(text) == text.replace(" ", "")

    def test_a_yubikey_types_44_letters(self) -> None:
        text = "cccc" + "bdefghij" * 4 + "klnrtuvc"
        assert parsing.parse_pass_code(text) == text
        for other in (text[1:], text + "c", text.replace("c", "a"), text.upper()):
            with pytest.raises(errors.InvalidCodeFormat):
                parsing.parse_pass_code(other)

    @pytest.mark.parametrize("text", ["", " - ", "123", "12345678901", "12345a"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(errors.InvalidCodeFormat) as refused:
            parsing.parse_pass_code(text)
        assert refused.value.code == "invalid_code_format"


class TestChannels:
    @pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.SMS, Channel.CALL])
    def test_a_channel_that_carries_codes_has_its_name(self, channel: Channel) -> None:
        assert parsing.parse_channel(channel.value) is channel

    @pytest.mark.parametrize("text", ["", "EMAIL", "email ", "push", "totp", "question", "\ud800"])
    def test_a_channel_that_carries_no_codes_is_refused(self, text: str) -> None:
        with pytest.raises(errors.UnsupportedChannel) as refused:
            parsing.parse_channel(text)
        assert refused.value.code == "unsupported_channel"


class TestLabels:
    @pytest.mark.parametrize("text", ["pick-up", "order:1001", "a", "A_b.c:d-9", "x" * 64])
    def test_a_short_plain_word_is_kept_as_it_is(self, text: str) -> None:
        assert parsing.parse_label(text, "purpose") == text

    @pytest.mark.parametrize(
        "text",
        ["", "x" * 65, "pick up", "pick-up\n", "a\nb", "\u00e4", "<b>", "a/b", "a,b", "\ud800"],
    )
    def test_anything_else_is_named_and_not_repeated(self, text: str) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            parsing.parse_label(text, "reference")
        assert (refused.value.code, refused.value.detail) == (
            "malformed_body",
            "reference must be 1 to 64 letters, digits, or ._:-",
        )


class TestPhones:
    @pytest.mark.parametrize("text", ["+15005550006", "+1 500-555-0006", " +1 5005550006 "])
    def test_a_number_is_written_as_e_164(self, text: str) -> None:
        assert parsing.parse_phone(text) == "+15005550006"

    @pytest.mark.parametrize(
        "text",
        [
            *("", "15005550006", "+0500555000", "+1500", "+" + "1" * 16, "+1500555000x"),
            *("+15005550006\n", "+1(500)5550006", "tel:+15005550006", "\uff0b15005550006"),
        ],
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(errors.InvalidPhoneNumber):
            parsing.parse_phone(text)


class TestOktaIds:
    def test_an_id_is_letters_and_digits(self) -> None:
        assert parsing.parse_okta_id("00uAda1") == "00uAda1"

    @pytest.mark.parametrize(
        "text", ["", "x" * 65, "..", "a/b", "a?b", "a%2f", "00u\n", "ä", "me me"]
    )
    def test_anything_else_names_no_customer(self, text: str) -> None:
        with pytest.raises(errors.CustomerNotFound):
            parsing.parse_okta_id(text)


class TestLocales:
    @pytest.mark.parametrize("text", ["de", "pt-BR", "zh-Hant-TW", "sr-Latn-RS"])
    def test_a_language_tag_is_kept_as_it_is(self, text: str) -> None:
        assert parsing.parse_locale(text) == text

    @pytest.mark.parametrize("text", ["", "x", "de_DE", "de-", "de\r\nX: 1", "*", "de;q=1", "de\n"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            parsing.parse_locale(text)
        assert refused.value.detail == "locale is not a language tag."


class TestSmsTexts:
    @pytest.mark.parametrize(
        "text", ["{{code}}", "Code: {{code}}. Ends in 5 min.", "{{code}}" + "x" * 152]
    )
    def test_a_short_text_with_the_code_is_kept_as_it_is(self, text: str) -> None:
        assert parsing.parse_sms_template(text) == text

    @pytest.mark.parametrize(
        "text",
        [
            *("", "your code", "{code}", "{{code}}" + "x" * 153, "{{code}} ${user.login}"),
            *(
                "{{code}} http://x",
                "{{code}} HTTPS://x",
                "{{code}} www.x",
                "{{code}} evil.example/a",
            ),
        ],
    )
    def test_a_long_text_or_a_link_is_refused(self, text: str) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            parsing.parse_sms_template(text)
        assert refused.value.detail.startswith("sms_template must ")


class TestRedirects:
    ORIGINS = ("https://shop.example", "https://www.example:8443")

    @pytest.mark.parametrize(
        "url",
        [
            *("https://shop.example", "https://shop.example/", "https://SHOP.example/a?b=c#d"),
            *("https://shop.example?x=1", "https://www.example:8443/@me"),
        ],
    )
    def test_an_address_of_an_allowed_origin_passes(self, url: str) -> None:
        parsing.require_redirect(url, self.ORIGINS)

    @pytest.mark.parametrize(
        "url",
        [
            *("", "/", "//shop.example", "http://shop.example", "javascript:alert(1)"),
            *("https://shop.example.evil.example", "https://shop.example@evil.example"),
            *("https://shop.example:443/", "https://www.example", "https://evil.example/"),
            *("https://shop.example\\@evil.example", "https:/\\evil.example"),
            *("https://shop.example/a b", "https://shop.example/\n", "https://shop.example/\u00e9"),
            *(
                " https://shop.example",
                "https://shop.example#a",
                f"https://shop.example/{'x' * 1801}",
            ),
        ],
    )
    def test_any_other_is_refused(self, url: str) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            parsing.require_redirect(url, self.ORIGINS)
        assert refused.value.detail == "redirect_url is not allowed."

"""Pure checks of input: what is accepted, how it is normalised, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verification import errors, parsing

pytestmark = pytest.mark.no_cover
"""No use case runs here, and to trace the loops took as long again."""

LONGEST = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 57}.com"
assert len(LONGEST) == 254

ORIGINS = ("https://shop.example", "https://www.example:8443")
YUBIKEY = "cccc" + "bdefghij" * 4 + "klnrtuvc"


def label(text: str) -> str:
    return parsing.parse_label(text, "reference")


def redirect(text: str) -> str:
    parsing.require_redirect(text, ORIGINS)
    return text


Parse = Callable[[str], str | None]
ACCEPTED: dict[Parse, dict[str, list[str]]] = {
    parsing.parse_email: {
        "ada@example.com": ["ada@example.com", "  Ada@Example.COM "],
        "jürgen@münchen.example": ["JÜRGEN@MÜNCHEN.example"],
    },
    # Grouped, pasted, or typed with a Japanese keyboard.
    parsing.parse_code: {
        "123456": ["123456", "123 456", " 123456 ", "123-456", "1 2 3 4 5 6"],
        "000007": ["000 007", "000\u00a0007", "000007\n", "\uff10\uff10\uff10\uff10\uff10\uff17"],
    },
    parsing.parse_pass_code: {"123456": ["123 456"]},
    parsing.parse_phone: {"+15005550006": ["+15005550006", "+1 500-555-0006", " +1 5005550006 "]},
}
KEPT_AS_IT_IS: dict[Parse, list[str]] = {
    parsing.parse_email: [
        *("o'brien+shop@mail.example.co.uk", "a@b.co", "a/b=c?d@example.com", LONGEST),
        *("дарья@почта.example", "花子@例え.テスト", f"{'a' * 64}@example.com"),
    ],
    # A factor of Okta's may have four to ten digits; a YubiKey types 44 letters.
    parsing.parse_pass_code: ["1234", "123456", "12345678", "1234567890", YUBIKEY],
    parsing.parse_channel: ["email", "sms", "call", "totp", "push"],
    label: ["pick-up", "order:1001", "a", "A_b.c:d-9", "x" * 64],
    parsing.parse_okta_id: ["00uAda1"],
    parsing.parse_locale: ["de", "pt-BR", "zh-Hant-TW", "sr-Latn-RS"],
    parsing.parse_sms_template: [
        *("{{code}}", "Code: {{code}}. Ends in 5 min.", "{{code}}" + "x" * 152),
        *("{{code}}.Ends at 5 p.m.", "{{code}} (v1.5), e.g. for 3.50 EUR..."),
    ],
    redirect: [
        *("https://shop.example", "https://shop.example/", "https://SHOP.example/a?b=c#d"),
        *("https://shop.example?x=1", "https://www.example:8443/@me"),
    ],
}
LABEL = errors.MalformedBody("reference must be 1 to 64 letters, digits, or ._:-")
NO_CODE = errors.MalformedBody("sms_template must hold {{code}}.")
NO_TEXT = errors.MalformedBody("sms_template must be short and have no links in it.")
REFUSED: list[tuple[Parse, errors.VerificationError, list[str]]] = [
    # An empty text is missing rather than invalid.
    (parsing.parse_email, errors.MissingEmail(), ["", " ", "    "]),
    (parsing.parse_code, errors.MissingCode(), ["", "  ", " - "]),
    (
        parsing.parse_email,
        errors.InvalidEmail(),
        [
            *("ada.example.com", "ada@@example.com", "ada@example.com@evil.example"),
            *("@example.com", "ada@", "ada@example", "ada@example..com", "ada@.example.com"),
            *("ada@example.com.", "ada@-example.com", "ada@example-.com"),
            *("ada lovelace@example.com", "ada@exam ple.com", "ada@example.com\n"),
            *("\nada@example.com", "ada@exam\nple.com", "ada\t@example.com"),
            *("ada@example.com\r\nBcc: eve@evil.example", "ada\0@example.com"),
            *("ada\x7f@example.com", "ada\x1b[2J@example.com", "\u00a0ada@example.com"),
            *("ada\u2028@example.com", "ada\u200b@example.com", "ada\u202e@example.com"),
            *("\ud800@example.com", "ada@example\udfff.com", 'ada"@example.com'),
            *('"ada lovelace"@example.com', "ada\\@example.com", "ada@[127.0.0.1]"),
            *("ada@example.com,eve@evil.example", "Ada <ada@example.com>"),
            *("mailto:ada@example.com", "ada(x)@example.com", "ada%40example.com"),
            *(f"{'a' * 65}@example.com", f"ada@{'b' * 64}.com", LONGEST.replace(".com", ".come")),
        ],
    ),
    (
        parsing.parse_code,
        errors.InvalidCodeFormat(),
        [
            *("12345", "1234567", "12345a", "12345.", "+12345", "0x1234", "1e1000", "123456\0"),
            *("12345\u00b2", "\ud80012345", "\u0661\u0662\u0663\u0664\u0665\u0666"),
        ],
    ),
    (
        parsing.parse_pass_code,
        errors.InvalidCodeFormat(),
        [
            *("", " - ", "123", "12345678901", "12345a", YUBIKEY[1:], YUBIKEY + "c"),
            *(YUBIKEY.replace("c", "a"), YUBIKEY.upper()),
        ],
    ),
    (
        parsing.parse_channel,
        errors.UnsupportedChannel(),
        ["", "EMAIL", "email ", "Any", "question", "token:software:totp", "\ud800"],
    ),
    (
        label,
        LABEL,
        ["", "x" * 65, "pick up", "pick-up\n", "a\nb", "ä", "<b>", "a/b", "a,b", "\ud800"],
    ),
    (
        parsing.parse_phone,
        errors.InvalidPhoneNumber(),
        [
            *("", "15005550006", "+0500555000", "+1500", "+" + "1" * 16, "+1500555000x"),
            *("+15005550006\n", "+1(500)5550006", "tel:+15005550006", "\uff0b15005550006"),
        ],
    ),
    (
        parsing.parse_okta_id,
        errors.CustomerNotFound(),
        ["", "x" * 65, "..", "a/b", "a?b", "a%2f", "00u\n", "ä", "me me"],
    ),
    (
        parsing.parse_locale,
        errors.MalformedBody("locale is not a language tag."),
        ["", "x", "de_DE", "de-", "de\r\nX: 1", "*", "de;q=1", "de\n"],
    ),
    (parsing.parse_sms_template, NO_CODE, ["", "your code", "{code}", "{{ code }}"]),
    (
        parsing.parse_sms_template,
        NO_TEXT,
        [
            *("{{code}}" + "x" * 153, "{{code}} ${user}", "{{code}} http://x"),
            *("{{code}} HTTPS://x", "{{code}} www.x", "{{code}} evil.example/a"),
            *("{{code}} evil.\u0440\u0444", "{{code}} \u0431\u0430\u043d\u043a.com/a"),
            *("{{code}} \u092c.\u092d\u093e\u0930\u0924", "{{code}} evil\u3002example"),
            *("{{code}} 203.0.113.5/a", "{{code}} evil\u0301.example"),
        ],
    ),
    (
        redirect,
        errors.MalformedBody("redirect_url is not allowed."),
        [
            *("", "/", "//shop.example", "http://shop.example", "javascript:alert(1)"),
            *("https://shop.example.evil.example", "https://shop.example@evil.example"),
            *("https://shop.example:443/", "https://www.example", "https://evil.example/"),
            *("https://shop.example\\@evil.example", "https:/\\evil.example"),
            *("https://shop.example/a b", "https://shop.example/\n", "https://shop.example/\u00e9"),
            *(
                "https://\u017fhop.example",
                "https://shop.example/\u212a",
                "http\u017f://shop.example",
            ),
            *(" https://shop.example", "https://shop.example#a", "data:text/html,x"),
            *("https://shop.example.", "https://a.shop.example", "https://shop.example:8443"),
            *("https:shop.example", "https:///shop.example", "https://a:b@shop.example/"),
            *("https%3A%2F%2Fshop.example", "https://shop.example%2F@evil.example"),
            *("https://shop.example%00.evil.example", "https://shop.example\t.evil.example"),
            *(
                "https://shop.example\r\nLocation: /",
                "https://shop\u3002example",
                "\\\\evil.example",
            ),
            f"https://shop.example/{'x' * 1801}",
        ],
    ),
]


def named(value: object) -> str:
    """The id of a table's line: its parser, and the outcome."""
    return getattr(value, "__name__", getattr(value, "code", ""))


@pytest.mark.parametrize(("parse", "results"), ACCEPTED.items(), ids=named)
def test_a_text_is_normalised(parse: Parse, results: dict[str, list[str]]) -> None:
    for result, texts in results.items():
        assert [parse(text) for text in texts] == [result] * len(texts)


@pytest.mark.parametrize(("parse", "texts"), KEPT_AS_IT_IS.items(), ids=named)
def test_a_plain_text_is_kept_as_it_is(parse: Parse, texts: list[str]) -> None:
    assert [parse(text) for text in texts] == texts


@pytest.mark.parametrize(("parse", "refusal", "texts"), REFUSED, ids=named)
def test_anything_else_is_refused_and_not_repeated(
    parse: Parse, refusal: errors.VerificationError, texts: list[str]
) -> None:
    for text in texts:
        with pytest.raises(type(refusal)) as refused:
            parse(text)
        told = refused.value
        assert (str(told), told.code, told.detail) == (str(refusal), refusal.code, refusal.detail)


@given(st.text(st.characters(categories=["L", "N"], include_characters=".+-_ "), max_size=30))
def test_normalising_an_email_twice_changes_nothing(text: str) -> None:
    try:
        email = parsing.parse_email(f"{text}@example.com")
    except errors.BadRequest:
        return
    assert parsing.parse_email(email) == email


@given(st.text(min_size=1, max_size=10), st.sampled_from('"\\ \r\n\t\0,;:<>()[]@'))
def test_characters_with_a_meaning_in_searches_and_mails_are_no_part_of_an_email(
    text: str, special: str
) -> None:
    with pytest.raises(errors.InvalidEmail):
        parsing.parse_email(f"a{special}{text}@example.com")

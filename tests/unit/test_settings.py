"""Settings: a wrong one is named, and the org URL can only be Okta's."""

from __future__ import annotations

import pytest

from tests.unit.examples import ENVIRON
from verification.errors import ConfigurationError
from verification.settings import SANDBOX_HOSTS, Settings, on_lambda

MILLION = 1_000_000
NUMBERS = {
    "CHALLENGE_LIFETIME_SECONDS": ("challenge_lifetime", 60, 600),
    "STRANGER_ATTEMPTS": ("stranger_attempts", 1, 4),
    "STRANGER_FAILURES_HOUR": ("stranger_failures", 1, MILLION),
    "SENDS_PER_SOURCE_HOUR": ("sends_per_source", 1, MILLION),
    "SENDS_PER_CLIENT_HOUR": ("sends_per_client", 1, MILLION),
    "FAILURES_PER_SOURCE_HOUR": ("failures_per_source", 1, MILLION),
    "PASSWORD_FAILURES_HOUR": ("password_failures", 1, MILLION),
    "CHANGES_PER_CLIENT_HOUR": ("changes_per_client", 1, MILLION),
    "RECEIPT_MAX_SECONDS": ("receipt_max_seconds", 120, 1800),
}
TEXTS = {name.lower(): text for name, text in ENVIRON.items() if name not in NUMBERS}
DEFAULTS = {
    "trust_last_login": False,
    "conceal_unknown_customers": True,
    "activate_phones": False,
    "invoke_url_routes": False,
    "allowed_origins": (),
    "redirect_origins": (),
    "trusted_application": False,
    "okta_client_id": "",
    "okta_app_key": "",
    "receipt_other_key": "",
    "require_receipt": False,
    "scheme": "https",
}
FLAGS = [name.upper() for name, value in DEFAULTS.items() if isinstance(value, bool)]


def read(**changes: str) -> Settings:
    return Settings.from_environ({**ENVIRON, **changes})


def problem(**changes: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read(**changes)
    assert not any(value in str(refused.value) for value in changes.values() if value)
    return refused.value.problem


class TestSettings:
    def test_the_required_settings_and_the_defaults_of_the_others(self) -> None:
        numbers = {field: int(ENVIRON[name]) for name, (field, *_) in NUMBERS.items()}
        texts = {**TEXTS, "receipt_audiences": ("shop", "bank")}
        assert vars(read()) == {**numbers, **texts, **DEFAULTS}
        assert read(HTTPS_PROXY="http://proxy.example", PATH="/bin") == read()

    @pytest.mark.parametrize("name", ENVIRON)
    def test_a_missing_or_empty_required_setting_is_named(self, name: str) -> None:
        for value in ("", "   "):
            assert problem(**{name: value}) == f"{name} is not set"
        with pytest.raises(ConfigurationError) as refused:
            Settings.from_environ({key: ENVIRON[key] for key in ENVIRON.keys() - {name}})
        assert refused.value.problem == f"{name} is not set"

    @pytest.mark.parametrize("name", [*FLAGS, "SANDBOX"])
    def test_a_flag_is_exactly_true_or_false(self, name: str) -> None:
        for value in ("", "True", "1", "yes", " true"):
            assert problem(**{name: value}) == f"{name} must be true or false"

    @pytest.mark.parametrize("name", FLAGS)
    def test_a_flag_sets_the_field_of_its_name(self, name: str) -> None:
        values = [getattr(read(**{name: text}), name.lower()) for text in ("true", "false")]
        assert values == [True, False]

    @pytest.mark.parametrize("name", NUMBERS)
    def test_a_number_is_accepted_within_its_bounds_alone(self, name: str) -> None:
        field, low, high = NUMBERS[name]
        for text in (f"{low}", f"{high}", f" {low} "):
            assert getattr(read(**{name: text}), field) == int(text)
        outside = (f"{low - 1}", f"{high + 1}")
        for text in (*outside, "-60", "+60", "60.0", "1e2", "5 min", "\u0663\u0660\u0660"):
            told = f"{name} must be a whole number from {low} to {high}"
            assert problem(**{name: text}) == told

    @pytest.mark.parametrize(
        ("text", "origins"),
        [
            ("", ()),
            (" , ", ()),
            (
                "https://a.example, https://b.example:8",
                ("https://a.example", "https://b.example:8"),
            ),
        ],
    )
    def test_origins_are_separated_by_commas_or_blanks(
        self, text: str, origins: tuple[str, ...]
    ) -> None:
        assert read(ALLOWED_ORIGINS=text).allowed_origins == origins
        assert read(REDIRECT_ORIGINS=text).redirect_origins == origins

    def test_audiences_are_names(self) -> None:
        audiences = read(RECEIPT_AUDIENCES="shop,https://bank.example").receipt_audiences
        assert audiences == ("shop", "https://bank.example")
        for text in (",", "sh*p", "a" * 129):
            assert problem(RECEIPT_AUDIENCES=text).startswith("RECEIPT_AUDIENCES must be names")

    def test_a_service_app_stands_in_for_the_token_and_needs_its_key(self) -> None:
        app = {"OKTA_CLIENT_ID": "0oa1", "OKTA_APP_KEY": "key-1"}
        settings = read(**app, OKTA_TOKEN_SECRET="")
        assert (settings.okta_client_id, settings.okta_token_secret) == ("0oa1", "")
        assert problem(OKTA_CLIENT_ID="0oa1") == "OKTA_APP_KEY is not set"
        told = "TRUSTED_APPLICATION needs an API token: unset OKTA_CLIENT_ID"
        assert problem(**app, TRUSTED_APPLICATION="true") == told

    def test_only_the_sandbox_has_links_with_http(self) -> None:
        assert (read(SANDBOX="true").scheme, read(SANDBOX="false").scheme) == ("http", "https")

    def test_lambda_is_known_by_its_initialization_type(self) -> None:
        assert on_lambda({"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"})
        assert not on_lambda({})


ORGS = {
    "https://EXAMPLE.Okta.com": "https://example.okta.com",
    "https://example.okta.com/": "https://example.okta.com",
    "https://example.okta.com:443": "https://example.okta.com",
    "https://dev-123.oktapreview.com": "https://dev-123.oktapreview.com",
    "https://example.okta-emea.com": "https://example.okta-emea.com",
    "https://example.okta-gov.com": "https://example.okta-gov.com",
    "https://example.okta.mil": "https://example.okta.mil",
}
IMPOSTORS = [
    *("http://example.okta.com", "example.okta.com", "//example.okta.com"),
    *("ftp://example.okta.com", "file:///etc/passwd", "https://example.okta.com:8443"),
    *("https://example.okta.com:80", "https://example.okta.com:0"),
    *("https://example.okta.com:99999", "https://example.okta.com:https"),
    *("https://user@example.okta.com", "https://@example.okta.com"),
    *("https://user:secret@example.okta.com", "https://example.okta.com@evil.example"),
    *("https://example.okta.com:443@evil.example", "https://example.okta.com/oauth2/default"),
    *("https://example.okta.com/../evil", "https://evil.example/example.okta.com"),
    *("https://example.okta.com?to=evil.example", "https://evil.example?example.okta.com"),
    *("https://evil.example#.okta.com", "https://evil.example\\.okta.com"),
    *("https://evil.example%2e.okta.com", "https://okta.com.evil.example"),
    *("https://example.okta.com.evil.example", "https://evilokta.com"),
    *("https://example.evilokta.com", "https://example-okta.com"),
    *("https://example.\u043ekta.com", "https://evil.example\uff0eokta.com"),
    *("https://evil\u3002okta.com", "https://okta.com", "https://.okta.com"),
    *("https://example..okta.com", "https://example.okta.com.", "https://*.okta.com"),
    *("https://exam ple.okta.com", "https://evil.example .okta.com", "https://a_b.okta.com"),
    *("https://evil.example\0.okta.com", "https://\ud800.okta.com", "https://"),
    *("https://127.0.0.1", "https://127.1", "https://2130706433", "https://0177.0.0.1"),
    *("https://0x7f.0.0.1", "https://169.254.169.254", "https://[::1]"),
    *("https://[::ffff:127.0.0.1]", "https://[fe80::1%25lo.okta.com]", "https://[::1"),
    *("https://localhost", "https://login.example.com", "http://127.0.0.2:3001"),
    *("http://127.0.0.1.evil.example", "http://localhost.evil.example", "http://[::1]:3001"),
    *("http://evil.localhost", "http://0.0.0.0:3001", "http://127.0.0.1@evil.example"),
    *("http://2130706433:3001", "http://user@127.0.0.1:3001", "http://127.0.0.1:3001/api"),
    *("https://127.0.0.1:3001", "ftp://127.0.0.1"),
]


class TestOrgUrl:
    @pytest.mark.parametrize(("url", "origin"), ORGS.items())
    def test_an_address_of_okta_s_is_reduced_to_its_origin(self, url: str, origin: str) -> None:
        assert read(OKTA_ORG_URL=url).okta_org_url == origin

    def test_the_token_goes_only_to_okta(self) -> None:
        for url in IMPOSTORS:
            for sandbox in ("false", "true"):
                told = problem(OKTA_ORG_URL=url, SANDBOX=sandbox)
                assert told.startswith("OKTA_ORG_URL "), url
                assert url not in told

    def test_a_custom_domain_is_accepted_if_it_is_configured(self) -> None:
        url, domain = "https://Login.example.com", "login.Example.com"
        settings = read(OKTA_ORG_URL=url, OKTA_CUSTOM_DOMAIN=domain)
        assert settings.okta_org_url == "https://login.example.com"

    @pytest.mark.parametrize(
        ("url", "custom_domain"),
        [
            ("https://login.example.com", ""),
            ("https://login.example.com", "example.com"),
            ("https://evil.example", "login.example.com"),
            ("https://login.example.com.evil.example", "login.example.com"),
            ("https://evil.login.example.com", "login.example.com"),
            ("http://login.example.com", "login.example.com"),
            ("https://login.example.com:8443", "login.example.com"),
            ("https://127.0.0.1", "127.0.0.1"),
            ("https://2130706433", "2130706433"),
            ("https://[::1]", "::1"),
            ("https://localhost", "localhost"),
            ("https://", ""),
        ],
    )
    def test_a_custom_domain_allows_that_host_alone(self, url: str, custom_domain: str) -> None:
        text = problem(OKTA_ORG_URL=url, OKTA_CUSTOM_DOMAIN=custom_domain)
        assert text.startswith("OKTA_ORG_URL ")

    @pytest.mark.parametrize("host", SANDBOX_HOSTS)
    def test_the_sandbox_alone_may_use_http_on_this_machine(self, host: str) -> None:
        for url in (f"http://{host}", f"http://{host}:3001"):
            assert read(OKTA_ORG_URL=url, SANDBOX="true").okta_org_url == url
            assert problem(OKTA_ORG_URL=url).startswith("OKTA_ORG_URL ")

    def test_the_sandbox_may_use_a_real_org(self) -> None:
        assert read(SANDBOX="true").okta_org_url == "https://example.okta.com"

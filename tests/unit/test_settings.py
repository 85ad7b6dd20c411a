"""Settings: a wrong one is named, and the org URL can only be Okta's."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from verification.errors import ConfigurationError
from verification.settings import SANDBOX_HOSTS, Settings, on_lambda

ENVIRON = {
    "OKTA_ORG_URL": "https://example.okta.com",
    "OKTA_TOKEN_SECRET": "okta-token",
    "SERVICE_KEYS_SECRET": "service-keys",
    "TABLE_NAME": "customers",
    "CHALLENGE_LIFETIME_SECONDS": "300",
    "STRANGER_ATTEMPTS": "3",
    "STRANGER_FAILURES_HOUR": "1000",
    "SENDS_PER_SOURCE_HOUR": "60",
    "SENDS_PER_CLIENT_HOUR": "20000",
    "FAILURES_PER_SOURCE_HOUR": "20",
    "PASSWORD_FAILURES_HOUR": "5",
    "CHANGES_PER_CLIENT_HOUR": "600",
    "RECEIPT_KEY": "arn:aws:kms:eu-west-1:123456789012:key/one",
    "RECEIPT_ISSUER": "urn:customer-verification:prod",
    "RECEIPT_AUDIENCES": "shop",
    "RECEIPT_MAX_SECONDS": "1800",
}

FLAGS = [
    *("INVOKE_URL_ROUTES", "SANDBOX", "CONCEAL_UNKNOWN_CUSTOMERS", "ACTIVATE_PHONES"),
    *("TRUSTED_APPLICATION", "TRUST_LAST_LOGIN", "REQUIRE_RECEIPT"),
]
NUMBERS = {
    "CHALLENGE_LIFETIME_SECONDS": (60, 600),
    "STRANGER_ATTEMPTS": (1, 4),
    "STRANGER_FAILURES_HOUR": (1, 1_000_000),
    "SENDS_PER_SOURCE_HOUR": (1, 1_000_000),
    "SENDS_PER_CLIENT_HOUR": (1, 1_000_000),
    "FAILURES_PER_SOURCE_HOUR": (1, 1_000_000),
    "PASSWORD_FAILURES_HOUR": (1, 1_000_000),
    "CHANGES_PER_CLIENT_HOUR": (1, 1_000_000),
    "RECEIPT_MAX_SECONDS": (120, 1800),
}


def read(**changes: str) -> Settings:
    return Settings.from_environ({**ENVIRON, **changes})


def problem(**changes: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read(**changes)
    assert refused.value.code == "internal_error"
    assert not any(value in str(refused.value) for value in changes.values() if value)
    return refused.value.problem


class TestSettings:
    def test_the_required_settings_and_the_defaults_of_the_others(self) -> None:
        assert read() == Settings(
            okta_org_url="https://example.okta.com",
            okta_token_secret="okta-token",
            service_keys_secret="service-keys",
            table_name="customers",
            challenge_lifetime=300,
            stranger_attempts=3,
            stranger_failures=1000,
            sends_per_source=60,
            sends_per_client=20000,
            failures_per_source=20,
            password_failures=5,
            changes_per_client=600,
            trust_last_login=False,
            conceal_unknown_customers=True,
            activate_phones=False,
            invoke_url_routes=False,
            allowed_origins=(),
            redirect_origins=(),
            trusted_application=False,
            receipt_key="arn:aws:kms:eu-west-1:123456789012:key/one",
            receipt_other_key="",
            receipt_issuer="urn:customer-verification:prod",
            receipt_audiences=("shop",),
            receipt_max_seconds=1800,
            require_receipt=False,
            scheme="https",
        )

    def test_an_unknown_variable_changes_nothing(self) -> None:
        assert read(HTTPS_PROXY="http://proxy.example", PATH="/bin") == read()

    @pytest.mark.parametrize("name", ENVIRON)
    @pytest.mark.parametrize("value", ["", "   "])
    def test_an_empty_required_setting_is_named(self, name: str, value: str) -> None:
        assert problem(**{name: value}) == f"{name} is not set"

    @pytest.mark.parametrize("name", ENVIRON)
    def test_a_missing_required_setting_is_named(self, name: str) -> None:
        with pytest.raises(ConfigurationError) as refused:
            Settings.from_environ({key: ENVIRON[key] for key in ENVIRON.keys() - {name}})
        assert refused.value.problem == f"{name} is not set"

    @pytest.mark.parametrize("name", FLAGS)
    @pytest.mark.parametrize("value", ["", "True", "1", "yes", " true"])
    def test_a_flag_is_exactly_true_or_false(self, name: str, value: str) -> None:
        assert problem(**{name: value}) == f"{name} must be true or false"

    @pytest.mark.parametrize("name", NUMBERS)
    def test_a_number_within_its_bounds_is_accepted(self, name: str) -> None:
        for number in NUMBERS[name]:
            for text in (f"{number}", f" {number} "):
                assert number in astuple(read(**{name: text}))

    @pytest.mark.parametrize("name", NUMBERS)
    def test_a_number_out_of_its_bounds_is_named(self, name: str) -> None:
        low, high = NUMBERS[name]
        outside = (f"{low - 1}", f"{high + 1}")
        for text in (*outside, "-60", "+60", "60.0", "1e2", "5 min", "\u0663\u0660\u0660"):
            told = f"{name} must be a whole number from {low} to {high}"
            assert problem(**{name: text}) == told

    @pytest.mark.parametrize(
        ("text", "origins"),
        [
            ("", ()),
            (" , ", ()),
            ("https://shop.example", ("https://shop.example",)),
            (
                "https://shop.example, https://www.example:8443",
                ("https://shop.example", "https://www.example:8443"),
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

    @pytest.mark.parametrize("name", [name for name in FLAGS if name != "SANDBOX"])
    def test_a_flag_sets_the_field_of_its_name(self, name: str) -> None:
        values = [getattr(read(**{name: text}), name.lower()) for text in ("true", "false")]
        assert values == [True, False]

    def test_only_the_sandbox_has_links_with_http(self) -> None:
        assert (read(SANDBOX="true").scheme, read(SANDBOX="false").scheme) == ("http", "https")

    def test_lambda_is_known_by_its_initialization_type(self) -> None:
        assert on_lambda({"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"})
        assert not on_lambda({})


ORGS = {
    "https://example.okta.com": "https://example.okta.com",
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
    *("https://localhost", "https://login.example.com"),
]


class TestOrgUrl:
    @pytest.mark.parametrize(("url", "origin"), ORGS.items())
    def test_an_address_of_okta_s_is_reduced_to_its_origin(self, url: str, origin: str) -> None:
        assert read(OKTA_ORG_URL=url).okta_org_url == origin

    @pytest.mark.parametrize("sandbox", ["false", "true"])
    @pytest.mark.parametrize("url", IMPOSTORS)
    def test_the_token_goes_only_to_okta(self, url: str, sandbox: str) -> None:
        with pytest.raises(ConfigurationError) as refused:
            read(OKTA_ORG_URL=url, SANDBOX=sandbox)
        assert refused.value.problem.startswith("OKTA_ORG_URL ")
        assert url not in refused.value.problem

    def test_a_custom_domain_is_accepted_if_it_is_configured(self) -> None:
        settings = read(
            OKTA_ORG_URL="https://Login.example.com", OKTA_CUSTOM_DOMAIN="login.Example.com"
        )
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


class TestSandbox:
    @pytest.mark.parametrize("host", SANDBOX_HOSTS)
    @pytest.mark.parametrize("port", ["", ":3001"])
    def test_the_sandbox_may_use_http_on_this_machine(self, host: str, port: str) -> None:
        url = f"http://{host}{port}"
        assert read(OKTA_ORG_URL=url, SANDBOX="true").okta_org_url == url

    @pytest.mark.parametrize("host", SANDBOX_HOSTS)
    def test_a_stack_may_not_use_http(self, host: str) -> None:
        assert problem(OKTA_ORG_URL=f"http://{host}:3001").startswith("OKTA_ORG_URL ")

    @pytest.mark.parametrize(
        "url",
        [
            *("http://example.okta.com", "http://127.0.0.2:3001"),
            *("http://127.0.0.1.evil.example", "http://localhost.evil.example"),
            *("http://evil.localhost", "http://0.0.0.0:3001", "http://[::1]:3001"),
            *("http://2130706433:3001", "http://user@127.0.0.1:3001"),
            *("http://127.0.0.1@evil.example", "http://127.0.0.1:3001/api"),
            *("https://127.0.0.1:3001", "ftp://127.0.0.1"),
        ],
    )
    def test_the_sandbox_may_use_no_other_http_host(self, url: str) -> None:
        assert problem(OKTA_ORG_URL=url, SANDBOX="true").startswith("OKTA_ORG_URL ")

    def test_the_sandbox_may_use_a_real_org(self) -> None:
        assert read(SANDBOX="true").okta_org_url == "https://example.okta.com"

"""Settings: each that is wrong is named, and the org can be nobody but Okta."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from verification.errors import ConfigurationError
from verification.settings import SANDBOX_HOSTS, Settings, on_lambda

ENVIRON = {
    "OKTA_ORG_URL": "https://example.okta.com",
    "OKTA_TOKEN_SECRET": "okta-token",
    "SERVICE_KEYS_SECRET": "service-keys",
    "TABLE_NAME": "challenges",
    "CHALLENGE_LIFETIME_SECONDS": "300",
    "HOLD_SECONDS": "86400",
    "SENDS_PER_SOURCE_HOUR": "60",
    "SENDS_PER_CLIENT_HOUR": "20000",
    "FAILURES_PER_SOURCE_HOUR": "20",
    "PASSWORD_FAILURES_HOUR": "5",
}

FLAGS = [
    *("INVOKE_URL_ROUTES", "SANDBOX", "CONCEAL_UNKNOWN_CUSTOMERS", "ACTIVATE_PHONES"),
    "TRUSTED_APPLICATION",
]
NUMBERS = {
    "CHALLENGE_LIFETIME_SECONDS": (60, 600),
    "HOLD_SECONDS": (60, 2_592_000),
    "SENDS_PER_SOURCE_HOUR": (1, 1_000_000),
    "SENDS_PER_CLIENT_HOUR": (1, 1_000_000),
    "FAILURES_PER_SOURCE_HOUR": (1, 1_000_000),
    "PASSWORD_FAILURES_HOUR": (1, 1_000_000),
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
    def test_the_least_that_a_stack_must_say(self) -> None:
        assert read(CONCEAL_UNKNOWN_CUSTOMERS="true") == Settings(
            okta_org_url="https://example.okta.com",
            okta_token_secret="okta-token",
            service_keys_secret="service-keys",
            table_name="challenges",
            challenge_lifetime=300,
            hold_seconds=86400,
            sends_per_source=60,
            sends_per_client=20000,
            failures_per_source=20,
            password_failures=5,
            conceal_unknown_customers=True,
            activate_phones=False,
            invoke_url_routes=False,
            allowed_origins=(),
            redirect_origins=(),
            trusted_application=False,
            scheme="https",
        )

    def test_a_setting_that_the_service_does_not_know_changes_nothing(self) -> None:
        assert read(HTTPS_PROXY="http://proxy.example", PATH="/bin") == read()

    @pytest.mark.parametrize("name", ENVIRON)
    @pytest.mark.parametrize("value", ["", "   "])
    def test_an_empty_setting_is_named(self, name: str, value: str) -> None:
        assert problem(**{name: value}) == f"{name} is not set"

    @pytest.mark.parametrize("name", ENVIRON)
    def test_a_setting_that_is_not_there_is_named(self, name: str) -> None:
        with pytest.raises(ConfigurationError) as refused:
            Settings.from_environ({key: ENVIRON[key] for key in ENVIRON.keys() - {name}})
        assert refused.value.problem == f"{name} is not set"

    @pytest.mark.parametrize("name", FLAGS)
    @pytest.mark.parametrize("value", ["", "True", "1", "yes", " true"])
    def test_a_flag_is_true_or_false_and_nothing_like_it(self, name: str, value: str) -> None:
        assert problem(**{name: value}) == f"{name} must be true or false"

    @pytest.mark.parametrize("name", NUMBERS)
    def test_a_number_within_its_bounds_is_taken(self, name: str) -> None:
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
    def test_origins_are_a_list(self, text: str, origins: tuple[str, ...]) -> None:
        assert read(ALLOWED_ORIGINS=text).allowed_origins == origins

    def test_a_flag_turns_the_invoke_url_routes_on(self) -> None:
        assert read(INVOKE_URL_ROUTES="true").invoke_url_routes is True

    @pytest.mark.parametrize("conceals", [True, False])
    def test_a_flag_conceals_who_is_a_customer(self, conceals: bool) -> None:
        settings = read(CONCEAL_UNKNOWN_CUSTOMERS=str(conceals).lower())
        assert settings.conceal_unknown_customers is conceals

    def test_lambda_shows_by_what_it_says_of_its_start(self) -> None:
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

IMPOSTORS = {
    "plain http": "http://example.okta.com",
    "no scheme": "example.okta.com",
    "a relative scheme": "//example.okta.com",
    "another scheme": "ftp://example.okta.com",
    "a file": "file:///etc/passwd",
    "another port": "https://example.okta.com:8443",
    "the port of http": "https://example.okta.com:80",
    "port 0": "https://example.okta.com:0",
    "a port out of range": "https://example.okta.com:99999",
    "a port that is no number": "https://example.okta.com:https",
    "a user": "https://user@example.okta.com",
    "an empty user": "https://@example.okta.com",
    "a password": "https://user:secret@example.okta.com",
    "Okta as the user of another host": "https://example.okta.com@evil.example",
    "Okta as user and password": "https://example.okta.com:443@evil.example",
    "a path": "https://example.okta.com/oauth2/default",
    "a path that climbs": "https://example.okta.com/../evil",
    "Okta in the path": "https://evil.example/example.okta.com",
    "a query": "https://example.okta.com?to=evil.example",
    "Okta in the query": "https://evil.example?example.okta.com",
    "Okta in the fragment": "https://evil.example#.okta.com",
    "Okta behind a backslash": "https://evil.example\\.okta.com",
    "an encoded dot": "https://evil.example%2e.okta.com",
    "a suffix": "https://okta.com.evil.example",
    "a longer suffix": "https://example.okta.com.evil.example",
    "a lookalike": "https://evilokta.com",
    "a lookalike with a label": "https://example.evilokta.com",
    "a lookalike with a hyphen": "https://example-okta.com",
    "a lookalike in Cyrillic": "https://example.\u043ekta.com",
    "a full-width dot": "https://evil.example\uff0eokta.com",
    "an ideographic dot": "https://evil\u3002okta.com",
    "the bare domain": "https://okta.com",
    "an empty label": "https://.okta.com",
    "two dots": "https://example..okta.com",
    "a trailing dot": "https://example.okta.com.",
    "a wildcard": "https://*.okta.com",
    "a blank": "https://exam ple.okta.com",
    "another origin behind a blank": "https://evil.example .okta.com",
    "an underscore": "https://a_b.okta.com",
    "a null": "https://evil.example\0.okta.com",
    "half a character": "https://\ud800.okta.com",
    "nothing after the scheme": "https://",
    "an IPv4 address": "https://127.0.0.1",
    "a short IPv4 address": "https://127.1",
    "a decimal IPv4 address": "https://2130706433",
    "an octal IPv4 address": "https://0177.0.0.1",
    "a hexadecimal IPv4 address": "https://0x7f.0.0.1",
    "the metadata service": "https://169.254.169.254",
    "an IPv6 address": "https://[::1]",
    "a mapped IPv6 address": "https://[::ffff:127.0.0.1]",
    "an IPv6 address with a zone": "https://[fe80::1%25lo.okta.com]",
    "an IPv6 address that does not end": "https://[::1",
    "this machine": "https://localhost",
    "another domain": "https://login.example.com",
}


class TestOrgUrl:
    @pytest.mark.parametrize(("url", "origin"), ORGS.items())
    def test_okta_is_taken_as_an_origin(self, url: str, origin: str) -> None:
        assert read(OKTA_ORG_URL=url).okta_org_url == origin

    @pytest.mark.parametrize("sandbox", ["false", "true"])
    @pytest.mark.parametrize("url", IMPOSTORS.values(), ids=IMPOSTORS.keys())
    def test_the_token_goes_to_nobody_but_okta(self, url: str, sandbox: str) -> None:
        with pytest.raises(ConfigurationError) as refused:
            read(OKTA_ORG_URL=url, SANDBOX=sandbox)
        assert refused.value.problem.startswith("OKTA_ORG_URL ")
        assert url not in refused.value.problem

    def test_a_custom_domain_is_taken_when_it_is_named(self) -> None:
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
    def test_a_custom_domain_is_that_host_alone(self, url: str, custom_domain: str) -> None:
        text = problem(OKTA_ORG_URL=url, OKTA_CUSTOM_DOMAIN=custom_domain)
        assert text.startswith("OKTA_ORG_URL ")


class TestSandbox:
    @pytest.mark.parametrize("host", SANDBOX_HOSTS)
    @pytest.mark.parametrize("port", ["", ":3001"])
    def test_the_sandbox_may_use_http_on_this_machine(self, host: str, port: str) -> None:
        url = f"http://{host}{port}"
        assert read(OKTA_ORG_URL=url, SANDBOX="true").okta_org_url == url

    @pytest.mark.parametrize("host", SANDBOX_HOSTS)
    def test_nothing_but_the_sandbox_may(self, host: str) -> None:
        assert problem(OKTA_ORG_URL=f"http://{host}:3001").startswith("OKTA_ORG_URL ")

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.okta.com",
            "http://127.0.0.2:3001",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "http://evil.localhost",
            "http://0.0.0.0:3001",
            "http://[::1]:3001",
            "http://2130706433:3001",
            "http://user@127.0.0.1:3001",
            "http://127.0.0.1@evil.example",
            "http://127.0.0.1:3001/api",
            "https://127.0.0.1:3001",
            "ftp://127.0.0.1",
        ],
    )
    def test_the_sandbox_may_use_no_other(self, url: str) -> None:
        assert problem(OKTA_ORG_URL=url, SANDBOX="true").startswith("OKTA_ORG_URL ")

    def test_the_sandbox_may_use_a_real_org(self) -> None:
        assert read(SANDBOX="true").okta_org_url == "https://example.okta.com"

"""What the transport puts on the wire, and what it keeps off it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from tests.integration.loopback import (
    LoopbackServer,
    message,
    raw,
    says,
)
from tests.integration.okta_client import CALLER, TOKEN, okta_client, okta_error
from verification import errors
from verification.models import Caller
from verification.okta import transport

SUCCESS = {"factorResult": "SUCCESS"}
TRUNCATED = raw(message(json.dumps(SUCCESS).encode(), Content_Length="1000"), then_close=True)
ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def root_log() -> Iterator[list[str]]:
    """What reaches the root logger, where a function's log is written."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    yield messages
    logging.getLogger().removeHandler(handler)


class TestWhatIsSent:
    def test_okta_learns_of_the_customer_what_its_risk_engine_asks_for(self) -> None:
        with LoopbackServer(says([])) as server, okta_client(server.url) as okta:
            okta.get()
            headers = server.received[0].headers
        assert headers["authorization"] == f"SSWS {TOKEN}"
        assert headers["user-agent"] == CALLER.user_agent
        assert headers["accept-language"] == CALLER.accept_language
        assert headers["x-forwarded-for"] == "203.0.113.7"

    def test_without_the_token_nothing_of_it_is_sent(self) -> None:
        caller = Caller(None, "203.0.113.7", device_fingerprint="f1-\r\n0a1b2c")
        with LoopbackServer(says([])) as server, okta_client(server.url) as okta:
            okta.step(caller)
            headers = server.received[0].headers
        assert "authorization" not in headers
        assert TOKEN not in str(headers)
        assert headers["x-device-fingerprint"] == "f1-0a1b2c"

    def test_without_the_token_a_rejection_is_final(self) -> None:
        answer = says(okta_error("E0000011"), 401)
        with LoopbackServer(answer) as server, okta_client(server.url) as okta:
            with pytest.raises(errors.OktaCredentialsRejected) as refused:
                okta.step()
            assert len(server.received) == 1
            assert okta.tokens.rejected == []
        assert refused.value.okta_error == {**okta_error("E0000011"), "status": 401}

    def test_an_error_s_status_is_that_of_http(self) -> None:
        answer = says({**okta_error("E0000079"), "status": "WAITING"}, 403)
        with (
            LoopbackServer(answer) as server,
            okta_client(server.url) as okta,
            pytest.raises(errors.OktaUnexpectedResponse) as refused,
        ):
            okta.step()
        assert refused.value.okta_error == {**okta_error("E0000079"), "status": 403}

    def test_what_a_customer_does_not_say_is_not_made_up(self) -> None:
        with LoopbackServer(says([])) as server, okta_client(server.url) as okta:
            okta.get(caller=Caller(None, ""))
            headers = server.received[0].headers
        assert headers["user-agent"] == "customer-verification"
        assert not {"accept-language", "x-forwarded-for", "cookie"} & headers.keys()

    def test_a_header_cannot_carry_another(self) -> None:
        evil = (
            "Mozilla\r\nAuthorization: SSWS evil\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1\0\x7f\u00e9"
        )
        with LoopbackServer(says([])) as server, okta_client(server.url) as okta:
            okta.get(caller=Caller(None, "203.0.113.7\r\nX-Evil: 2", evil, f"de\r\n\r\n{evil}"))
            [received] = server.received
        assert received.headers["authorization"] == f"SSWS {TOKEN}"
        assert received.headers["user-agent"] == (
            "MozillaAuthorization: SSWS evilX-Evil: 1GET /evil HTTP/1.1"
        )
        assert received.headers["x-forwarded-for"] == "203.0.113.7X-Evil: 2"
        assert "x-evil" not in received.headers

    def test_a_long_header_is_cut(self) -> None:
        with LoopbackServer(says([])) as server, okta_client(server.url) as okta:
            okta.get(caller=Caller(None, "203.0.113.7", "x" * 9000))
            assert server.received[0].headers["user-agent"] == "x" * transport.MAX_HEADER

    @pytest.mark.parametrize(
        ("segment", "target"),
        [
            ("ada@example.com", "ada%40example.com"),
            ("a/../b?x=1#y", "a%2F..%2Fb%3Fx%3D1%23y"),
            ("../apps", "..%2Fapps"),
            ("%2e%2e%2fapps", "%252e%252e%252fapps"),
            ("a b+c", "a%20b%2Bc"),
            ("a\\b;c=d&e", "a%5Cb%3Bc%3Dd%26e"),
            ("...", "..."),
            ("j\u00fcrgen", "j%C3%BCrgen"),
            ("a\r\nX-Evil: 1", "a%0D%0AX-Evil%3A%201"),
        ],
    )
    def test_a_value_cannot_leave_its_segment(self, segment: str, target: str) -> None:
        with LoopbackServer(says([])) as server, okta_client(server.url) as okta:
            okta.get("api", "v1", "users", segment)
            assert server.received[0].target == f"/api/v1/users/{target}"

    @pytest.mark.parametrize("segment", ["", ".", ".."])
    def test_a_segment_that_climbs_is_refused(self, segment: str) -> None:
        with LoopbackServer(says([])) as server, okta_client(server.url) as okta:
            with pytest.raises(ValueError, match="not a path segment"):
                okta.get("api", "v1", "users", segment, "factors")
            assert server.received == []

    def test_a_search_is_quoted(self) -> None:
        with LoopbackServer(says([])) as server, okta_client(server.url) as okta:
            okta.get(search='profile.email eq "o\'b&c=d#e%20@example.com"')
            target = server.received[0].target
        assert target == (
            "/api/v1/users?search=profile.email+eq+%22o%27b%26c%3Dd%23e%2520%40example.com%22"
        )

    def test_a_malformed_answer_brings_no_address_into_the_log(self, root_log: list[str]) -> None:
        content = message(b"[]").replace(b"\r\n\r\n", b"\r\nno header\r\n\r\n")
        with LoopbackServer(raw(content)) as server, okta_client(server.url) as okta:
            assert okta.get("api", "v1", "users", "ada@example.com") == []
        logging.getLogger("another").warning("heard")
        assert root_log == ["heard"]

    @pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
    def test_a_proxy_of_the_environment_gets_nothing(
        self, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        with LoopbackServer(says(["stolen"])) as proxy, LoopbackServer(says([])) as server:
            monkeypatch.setenv(name, proxy.url)
            with okta_client(server.url) as okta:
                assert okta.get() == []
            assert proxy.received == []

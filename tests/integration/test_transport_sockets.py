"""The transport on a real connection: what is sent, what is lost, how long and how much."""

from __future__ import annotations

import gzip
import json
import logging
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.integration.account import TOKEN
from tests.integration.loopback import (
    Answer,
    LoopbackServer,
    drips,
    hangs_up,
    message,
    raw,
    resets,
    says,
    waits,
)
from tests.integration.okta_client import CODE, okta_client, okta_error
from tests.integration.rows import refusal
from verification import errors
from verification.models import Caller
from verification.okta import transport

SUCCESS = {"factorResult": "SUCCESS"}
TRUNCATED = raw(message(json.dumps(SUCCESS).encode(), Content_Length="1000"), then_close=True)
ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LOST = pytest.mark.parametrize("lost", [hangs_up, resets, TRUNCATED, raw(b"no HTTP\r\n\r\n")])


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read timeouts that a test can wait for."""
    monkeypatch.setattr(transport, "READ_TIMEOUT", 0.2)


@pytest.fixture
def root_log() -> Iterator[list[str]]:
    """What reaches the root logger, where a function's log is written."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    yield messages
    logging.getLogger().removeHandler(handler)


class TestHeaders:
    def test_customer_s_call_forwards_address_and_browser(self) -> None:
        caller = Caller(None, "203.0.113.7", "Mozilla/5.0", "de-CH", "f1-0a1b2c")
        with LoopbackServer(says({})) as server, okta_client(server.url) as okta:
            okta.post({}, caller=caller, tokenLifetimeSeconds="300")
            [received] = server.received
        assert received.target.endswith("/verify?tokenLifetimeSeconds=300")
        assert (received.body, received.headers["content-type"]) == (b"{}", "application/json")
        assert received.headers["authorization"] == f"SSWS {TOKEN}"
        assert received.headers["user-agent"] == "Mozilla/5.0"
        assert received.headers["accept-language"] == "de-CH"
        assert received.headers["x-forwarded-for"] == "203.0.113.7"
        assert received.headers["x-device-fingerprint"] == "f1-0a1b2c"

    def test_lookup_forwards_nothing_of_the_customer(self) -> None:
        with LoopbackServer(says([])) as server, okta_client(server.url) as okta:
            okta.get()
            headers = server.received[0].headers
        assert headers["user-agent"] == "customer-verification"
        assert not {"accept-language", "x-forwarded-for", "x-device-fingerprint"} & headers.keys()

    def test_call_without_token_sends_nothing_of_it(self) -> None:
        with LoopbackServer(says({})) as server, okta_client(server.url) as okta:
            okta.step()
            assert TOKEN not in str(server.received[0].headers)

    def test_header_cannot_contain_another(self) -> None:
        evil = (
            "Mozilla\r\nAuthorization: SSWS evil\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1\0\x7f\u00e9"
        )
        caller = Caller(None, "203.0.113.7\r\nX-Evil: 2", evil, "x" * 9000)
        with LoopbackServer(says({})) as server, okta_client(server.url) as okta:
            okta.post(caller=caller)
            [received] = server.received
        assert received.headers["authorization"] == f"SSWS {TOKEN}"
        assert received.headers["user-agent"] == (
            "MozillaAuthorization: SSWS evilX-Evil: 1GET /evil HTTP/1.1"
        )
        assert received.headers["x-forwarded-for"] == "203.0.113.7X-Evil: 2"
        assert received.headers["accept-language"] == "x" * transport.MAX_HEADER
        assert "x-evil" not in received.headers

    def test_no_cookie_of_one_customer_goes_with_another(self) -> None:
        answers = (says([], Set_Cookie="DT=ada; Path=/"), says(SUCCESS))
        with LoopbackServer(*answers) as server, okta_client(server.url) as okta:
            okta.get()
            okta.post()
            assert "cookie" not in server.received[1].headers


class TestUrls:
    @pytest.mark.parametrize(
        ("segment", "target"),
        [
            ("ada@example.com", "ada%40example.com"),
            ("a/../b?x=1#y", "a%2F..%2Fb%3Fx%3D1%23y"),
            ("%2e%2e%2fapps", "%252e%252e%252fapps"),
            ("a b+c", "a%20b%2Bc"),
            ("...", "..."),
            ("j\u00fcrgen", "j%C3%BCrgen"),
            ("a\r\nX-Evil: 1", "a%0D%0AX-Evil%3A%201"),
        ],
    )
    def test_value_cannot_leave_its_segment(self, segment: str, target: str) -> None:
        with LoopbackServer(says([])) as server, okta_client(server.url) as okta:
            okta.get("api", "v1", "users", segment)
            assert server.received[0].target == f"/api/v1/users/{target}"

    @pytest.mark.parametrize("segment", ["", ".", ".."])
    def test_segment_that_climbs_is_refused(self, segment: str) -> None:
        with okta_client() as okta, pytest.raises(ValueError, match="not a path segment"):
            okta.get("api", "v1", "users", segment, "factors")

    def test_search_is_quoted(self) -> None:
        with LoopbackServer(says([])) as server, okta_client(server.url) as okta:
            okta.get(search='profile.email eq "o\'b&c=d#e%20@example.com"')
            target = server.received[0].target
        assert target == (
            "/api/v1/users?search=profile.email+eq+%22o%27b%26c%3Dd%23e%2520%40example.com%22"
        )

    def test_proxy_of_the_environment_gets_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with LoopbackServer(says(["stolen"])) as proxy, LoopbackServer(says([])) as server:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            with okta_client(server.url) as okta:
                assert okta.get() == []
            assert proxy.received == []

    def test_redirect_to_another_host_is_not_followed(self) -> None:
        with LoopbackServer(says(SUCCESS)) as thief:
            there = raw(message(b"{}", 307, Location=f"{thief.url}/steal"))
            with LoopbackServer(there) as server, okta_client(server.url) as okta:
                assert isinstance(refusal(okta.post), errors.OktaUnexpectedResponse)
            assert thief.received == []


class TestConnections:
    @pytest.mark.parametrize(
        "first", [says(SUCCESS), says(okta_error("E0000068"), 403), says("no document")]
    )
    def test_two_calls_use_one_connection(self, first: Answer) -> None:
        with LoopbackServer(first, says(SUCCESS)) as server, okta_client(server.url) as okta:
            with suppress(errors.VerificationError):
                okta.post()
            assert okta.post() == SUCCESS
            assert [each.connection for each in server.received] == [1, 1]

    def test_connection_that_was_idle_for_long_is_not_used_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transport, "IDLE_SECONDS", 0.05)
        with LoopbackServer(says([]), says(SUCCESS)) as server, okta_client(server.url) as okta:
            okta.get()
            time.sleep(0.06)
            okta.post()
            assert [each.connection for each in server.received] == [1, 2]

    def test_connection_that_okta_closed_loses_no_code(self) -> None:
        closing = raw(message(b"[]"), then_close=True)
        with LoopbackServer(closing, says(SUCCESS)) as server, okta_client(server.url) as okta:
            okta.get()
            assert server.closed_one.wait(2)
            assert okta.post() == SUCCESS
            assert [each.connection for each in server.received] == [1, 2]

    def test_connection_that_was_cut_is_not_used_again(self) -> None:
        with LoopbackServer(TRUNCATED, says(SUCCESS)) as server, okta_client(server.url) as okta:
            assert isinstance(refusal(okta.post), errors.OktaOutcomeUnknown)
            assert okta.post() == SUCCESS
            assert [each.connection for each in server.received] == [1, 2]


class TestLostAnswers:
    @LOST
    def test_get_is_asked_once_more(self, lost: Answer) -> None:
        with LoopbackServer(lost, says([])) as server, okta_client(server.url) as okta:
            assert okta.get() == []
            assert (len(server.received), okta.waits) == (2, [0.05])

    @LOST
    def test_get_is_not_asked_a_third_time_and_did_nothing(self, lost: Answer) -> None:
        with LoopbackServer(lost, lost, says([])) as server, okta_client(server.url) as okta:
            assert type(refusal(okta.get)) is errors.OktaUnavailable
            assert len(server.received) == 2

    @LOST
    def test_code_is_not_sent_again(self, lost: Answer) -> None:
        with LoopbackServer(lost, says(SUCCESS)) as server, okta_client(server.url) as okta:
            refused = refusal(okta.post)
            assert isinstance(refused, errors.OktaOutcomeUnknown)
            assert (refused.code, refused.retry_after) == ("okta_unavailable", 5)
            assert (len(server.received), okta.waits) == (1, [])
        shown = "".join(traceback.format_exception(refused)) + repr(refused)
        assert TOKEN not in shown
        assert CODE not in shown

    @pytest.mark.usefixtures("_impatient")
    def test_read_timeout_is_a_lost_answer(self) -> None:
        answers = (waits(1.0, says([])), says([]), waits(1.0, says(SUCCESS)), says(SUCCESS))
        with LoopbackServer(*answers) as server, okta_client(server.url) as okta:
            assert okta.get() == []
            assert isinstance(refusal(okta.post), errors.OktaOutcomeUnknown)
            assert len(server.received) == 3

    def test_malformed_answer_brings_no_address_into_the_log(self, root_log: list[str]) -> None:
        content = message(b"[]").replace(b"\r\n\r\n", b"\r\nno header\r\n\r\n")
        with LoopbackServer(raw(content)) as server, okta_client(server.url) as okta:
            assert okta.get("api", "v1", "users", "ada@example.com") == []
        logging.getLogger("another").warning("heard")
        assert root_log == ["heard"]


class TestNotReached:
    def test_call_that_was_not_sent_is_sent_again(self) -> None:
        server = LoopbackServer(says(SUCCESS), listening=False)
        with server, okta_client(server.url, on_wait=server.server_activate) as okta:
            assert okta.post() == SUCCESS
            assert (len(server.received), okta.waits) == (1, [0.05])

    def test_call_that_cannot_be_sent_did_nothing(self) -> None:
        with LoopbackServer(listening=False) as server, okta_client(server.url) as okta:
            refused = refusal(lambda: okta.get("api", "v1", "users", "ada@example.com"))
            assert isinstance(refused, errors.OktaNotReached)
            assert (refused.code, refused.retry_after) == ("okta_unavailable", 5)
            assert okta.waits == [0.05]
        assert refused.__suppress_context__
        assert "ada" not in "".join(traceback.format_exception_only(refused))

    def test_call_is_not_sent_again_without_time(self) -> None:
        with (
            LoopbackServer(listening=False) as server,
            okta_client(server.url, clock=lambda: 0.0) as okta,
        ):
            assert isinstance(refusal(lambda: okta.post(seconds=0.09)), errors.OktaNotReached)
            assert okta.waits == []


class TestTime:
    def test_slow_answer_in_time_is_read(self) -> None:
        with LoopbackServer(waits(0.1, says({}))) as server, okta_client(server.url) as okta:
            assert okta.post(seconds=2) == {}
            assert okta.meter.seconds["okta"] >= 0.1

    @pytest.mark.parametrize(
        "answer",
        [
            waits(1.0, says(SUCCESS)),
            drips(ENDLESS, b"1\r\n \r\n", every=0.02, times=25),
        ],
    )
    def test_call_ends_with_its_own_time(self, answer: Answer) -> None:
        with LoopbackServer(answer, says(SUCCESS)) as server, okta_client(server.url) as okta:
            began = time.monotonic()
            refused = refusal(lambda: okta.post(seconds=0.15))
            assert time.monotonic() - began < 0.45
            assert type(refused) is errors.DeadlineExceededWaiting
            assert (len(server.received), okta.waits) == (1, [])


class TestBodies:
    def test_largest_body_is_read(self) -> None:
        text = json.dumps(["x" * (transport.MAX_BODY - 4)])
        with LoopbackServer(raw(message(text.encode()))) as server, okta_client(server.url) as okta:
            assert len(text) == transport.MAX_BODY
            assert okta.get() == json.loads(text)

    @pytest.mark.parametrize("is_compressed", [False, True])
    def test_larger_body_is_not_read(self, is_compressed: bool) -> None:
        content = json.dumps(["x" * transport.MAX_BODY * 4]).encode()
        answer = message(content)
        if is_compressed:
            answer = message(gzip.compress(content), Content_Encoding="gzip")
        with LoopbackServer(raw(answer), says(SUCCESS)) as server, okta_client(server.url) as okta:
            assert isinstance(refusal(okta.post), errors.OktaOutcomeUnknown)
            assert okta.post() == SUCCESS

    def test_deeply_nested_body_is_unexpected(self) -> None:
        nested = raw(message(b"[" * 200_000))
        with LoopbackServer(nested) as server, okta_client(server.url) as okta:
            assert isinstance(refusal(okta.post), errors.OktaUnexpectedResponse)

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
    End,
    LoopbackServer,
    closes,
    message,
    says,
    waits,
)
from tests.integration.okta_client import CODE, WAIT, connected, okta_client, okta_error
from tests.integration.rows import refusal
from verification import errors
from verification.models.callers import Caller
from verification.okta import transport, wire

SUCCESS = {"factorResult": "SUCCESS"}
OK = says(SUCCESS)
TRUNCATED = closes(message(json.dumps(SUCCESS).encode(), Content_Length="1000"))
ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class TestHeaders:
    def test_customer_s_call_forwards_address_and_browser(self) -> None:
        caller = Caller(None, "203.0.113.7", "Mozilla/5.0", "de-CH", "f1-0a1b2c")
        with connected(OK) as (okta, server):
            okta.post(caller=caller)
            [received] = server.received
        assert received.target.endswith("/verify?tokenLifetimeSeconds=300")
        assert json.loads(received.body) == {"passCode": CODE}
        expected = {
            "content-type": "application/json",
            "authorization": f"SSWS {TOKEN}",
            "user-agent": "Mozilla/5.0",
            "accept-language": "de-CH",
            "x-forwarded-for": "203.0.113.7",
            "x-device-fingerprint": "f1-0a1b2c",
        }
        assert expected.items() <= received.headers.items()

    def test_lookup_forwards_nothing_of_the_customer(self) -> None:
        with connected(says([])) as (okta, server):
            okta.get()
            headers = server.received[0].headers
        assert headers["user-agent"] == "customer-verification"
        assert not {"accept-language", "x-forwarded-for", "x-device-fingerprint"} & headers.keys()

    def test_header_cannot_contain_another(self) -> None:
        evil = (
            "Mozilla\r\nAuthorization: SSWS evil\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1\0\x7f\u00e9"
        )
        with connected(OK) as (okta, server):
            okta.post(caller=Caller(None, "203.0.113.7\r\nX-Evil: 2", evil, "x" * 9000))
            headers = server.received[0].headers
        assert headers["authorization"] == f"SSWS {TOKEN}"
        assert headers["user-agent"] == "MozillaAuthorization: SSWS evilX-Evil: 1GET /evil HTTP/1.1"
        assert headers["x-forwarded-for"] == "203.0.113.7X-Evil: 2"
        assert headers["accept-language"] == "x" * transport.MAX_HEADER
        assert "x-evil" not in headers

    def test_no_cookie_of_one_customer_goes_with_another(self) -> None:
        with connected(says([], Set_Cookie="DT=ada; Path=/"), OK) as (okta, server):
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
        with connected(says([])) as (okta, server):
            okta.get("api", "v1", "users", segment)
            assert server.received[0].target == f"/api/v1/users/{target}"

    @pytest.mark.parametrize("segment", ["", ".", ".."])
    def test_segment_that_climbs_is_refused(self, segment: str) -> None:
        with connected() as (okta, _), pytest.raises(ValueError, match="not a path segment"):
            okta.get("api", "v1", "users", segment, "factors")

    def test_search_is_quoted(self) -> None:
        with connected(says([])) as (okta, server):
            okta.get(search='profile.email eq "o\'b&c=d#e%20@example.com"')
            query = server.received[0].target.partition("?")[2]
        assert query == "search=profile.email+eq+%22o%27b%26c%3Dd%23e%2520%40example.com%22"

    def test_proxy_of_the_environment_gets_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with LoopbackServer(says(["stolen"])) as proxy:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            with connected(says([])) as (okta, _):
                assert okta.get() == []
            assert proxy.received == []


class TestConnections:
    @pytest.mark.parametrize("first", [OK, says(okta_error("E0000068"), 403), says("no document")])
    def test_two_calls_use_one_connection(self, first: Answer) -> None:
        with connected(first, OK) as (okta, server):
            with suppress(errors.VerificationError):
                okta.post()
            assert okta.post() == SUCCESS
            assert [each.connection for each in server.received] == [1, 1]

    def test_connection_that_was_idle_for_long_is_not_used_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wire, "IDLE_SECONDS", 0.05)
        with connected(says([]), OK) as (okta, server):
            okta.get()
            time.sleep(0.06)
            okta.post()
            assert [each.connection for each in server.received] == [1, 2]

    def test_connection_that_okta_closed_loses_no_code(self) -> None:
        with connected(closes(says([])), OK) as (okta, server):
            okta.get()
            assert server.closed_one.wait(2)
            assert okta.post() == SUCCESS
            assert [each.connection for each in server.received] == [1, 2]

    def test_connection_that_was_cut_is_not_used_again(self) -> None:
        with connected(TRUNCATED, OK) as (okta, server):
            assert isinstance(refusal(okta.post), errors.OktaOutcomeUnknown)
            assert okta.post() == SUCCESS
            assert [each.connection for each in server.received] == [1, 2]


class TestLostAnswers:
    def test_read_timeout_is_a_lost_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(wire, "READ_TIMEOUT", 0.2)
        with connected(waits(1.0, says([])), says([]), waits(1.0, OK), OK) as (okta, server):
            assert okta.get() == []
            assert isinstance(refusal(okta.post), errors.OktaOutcomeUnknown)
            assert len(server.received) == 3

    @pytest.fixture
    def root_log(self) -> Iterator[list[str]]:
        """What reaches the root logger, where a function's log is written."""
        messages: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
        logging.getLogger().addHandler(handler)
        yield messages
        logging.getLogger().removeHandler(handler)

    def test_malformed_answer_brings_no_address_into_the_log(self, root_log: list[str]) -> None:
        [content] = says([]).parts
        malformed = content.replace(b"\r\n\r\n", b"\r\nno header\r\n\r\n")
        with connected(Answer([malformed])) as (okta, _):
            assert okta.get("api", "v1", "users", "ada@example.com") == []
        logging.getLogger("another").warning("heard")
        assert root_log == ["heard"]


class TestNotReached:
    def test_call_that_was_not_sent_is_sent_again(self) -> None:
        server = LoopbackServer(OK, listening=False)
        with server, okta_client(server.url, on_wait=server.server_activate) as okta:
            assert okta.post() == SUCCESS
            assert (len(server.received), okta.waits) == (1, [WAIT])

    @pytest.mark.parametrize(("seconds", "waits"), [(8.0, [WAIT]), (0.24, [])])
    def test_call_that_cannot_be_sent_did_nothing(self, seconds: float, waits: list[float]) -> None:
        server = LoopbackServer(listening=False)
        with server, okta_client(server.url, clock=lambda: 0.0) as okta:
            refused = refusal(lambda: okta.get("ada@example.com", seconds=seconds))
            assert isinstance(refused, errors.OktaNotReached)
            assert (refused.code, refused.retry_after) == ("okta_unavailable", 5)
            assert okta.waits == waits
        assert refused.__suppress_context__
        assert "ada" not in "".join(traceback.format_exception_only(refused))


class TestTime:
    def test_slow_answer_in_time_is_read(self) -> None:
        with connected(waits(0.1, OK)) as (okta, _):
            assert okta.post(seconds=2) == SUCCESS
            assert okta.meter.seconds["okta"] >= 0.1

    @pytest.mark.parametrize(
        "answer",
        [
            waits(1.0, OK),
            Answer([ENDLESS, *[b"1\r\n \r\n"] * 60], pause=0.02, end=End.CLOSE),
            Answer([ENDLESS, *[b"1\r\n \r\n"] * 9], pause=0.45, end=End.CLOSE),
        ],
        ids=["late", "endless", "drip"],
    )
    def test_call_ends_with_its_own_time(self, answer: Answer) -> None:
        with connected(answer, OK) as (okta, server):
            began = time.monotonic()
            refused = refusal(lambda: okta.post(seconds=0.5))
            assert time.monotonic() - began < 0.8
            assert type(refused) is errors.DeadlineExceededWaiting
            assert (len(server.received), okta.waits) == (1, [])


class TestBodies:
    def test_largest_body_is_read(self) -> None:
        document = ["x" * (wire.MAX_BODY - 4)]
        with connected(says(document)) as (okta, _):
            assert okta.get() == document

    def test_body_of_the_last_answer_on_a_connection_is_read(self) -> None:
        with connected(says(SUCCESS, Connection="close"), OK) as (okta, _):
            assert [okta.post(), okta.post()] == [SUCCESS, SUCCESS]

    @pytest.mark.parametrize("is_compressed", [False, True])
    def test_larger_body_is_not_read(self, is_compressed: bool) -> None:
        content = json.dumps(["x" * wire.MAX_BODY * 4]).encode()
        answer = message(content)
        if is_compressed:
            answer = message(gzip.compress(content), Content_Encoding="gzip")
        with connected(answer, OK) as (okta, _):
            assert isinstance(refusal(okta.post), errors.OktaOutcomeUnknown)
            assert okta.post() == SUCCESS

    def test_deeply_nested_body_is_unexpected(self) -> None:
        with connected(message(b"[" * 200_000)) as (okta, _):
            assert isinstance(refusal(okta.post), errors.OktaUnexpectedResponse)

    @pytest.mark.parametrize("levels", [wire.MAX_LEVELS, wire.MAX_LEVELS + 1])
    def test_levels_of_a_body_are_limited(self, levels: int) -> None:
        with connected(message(b"[" * levels + b"]" * levels)) as (okta, _):
            if levels > wire.MAX_LEVELS:
                assert isinstance(refusal(okta.post), errors.OktaUnexpectedResponse)
            else:
                assert isinstance(okta.post(), list)

    @pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
    def test_number_that_cannot_be_passed_on_is_unexpected(self, number: str) -> None:
        with connected(message(f'{{"a": [{{"b": {number}}}]}}'.encode())) as (okta, _):
            assert isinstance(refusal(okta.post), errors.OktaUnexpectedResponse)

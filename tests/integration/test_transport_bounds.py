"""The transport's bounds on a real connection: how long, how much, how far."""

from __future__ import annotations

import gzip
import json
import time

import pytest

from tests.integration.loopback import (
    LoopbackServer,
    drips,
    message,
    raw,
    says,
    waits,
)
from tests.integration.okta_client import OktaClient, okta_client
from verification import errors
from verification.okta import transport

SUCCESS = {"factorResult": "SUCCESS"}
TRUNCATED = raw(message(json.dumps(SUCCESS).encode(), Content_Length="1000"), then_close=True)
ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def overrun(okta: OktaClient, seconds: float) -> float:
    """By how much a call that has this much time exceeds it."""
    began = time.monotonic()
    with pytest.raises(errors.DeadlineExceeded) as refused:
        okta.post(seconds=seconds)
    assert refused.value.code == "deadline_exceeded"
    return time.monotonic() - began - seconds


class TestTime:
    def test_a_slow_answer_in_time_is_taken(self) -> None:
        with (
            LoopbackServer(waits(0.1, says(SUCCESS))) as server,
            okta_client(server.url) as okta,
        ):
            assert okta.post(seconds=2) == SUCCESS
            assert okta.meter.seconds["okta"] >= 0.1

    def test_a_slow_answer_ends_with_the_call_s_own_time(self) -> None:
        slow = waits(1.0, says(SUCCESS))
        with LoopbackServer(slow, says(SUCCESS)) as server, okta_client(server.url) as okta:
            assert overrun(okta, 0.15) < 0.3
            assert (len(server.received), okta.waits) == (1, [])

    def test_a_dripping_body_ends_with_the_call_s_own_time(self) -> None:
        drip = drips(ENDLESS, b"1\r\n \r\n", every=0.02, times=25)
        with LoopbackServer(drip) as server, okta_client(server.url) as okta:
            assert overrun(okta, 0.15) < 0.3


class TestBodies:
    def test_the_largest_body_is_read(self) -> None:
        text = json.dumps(["x" * (transport.MAX_BODY - 4)])
        with LoopbackServer(raw(message(text.encode()))) as server, okta_client(server.url) as okta:
            assert len(text) == transport.MAX_BODY
            assert okta.get() == json.loads(text)

    @pytest.mark.parametrize("compressed", [False, True])
    def test_a_larger_body_is_not(self, compressed: bool) -> None:
        content = json.dumps(["x" * transport.MAX_BODY * 4]).encode()
        answer = message(content)
        if compressed:
            answer = message(gzip.compress(content), Content_Encoding="gzip")
        with LoopbackServer(raw(answer), says(SUCCESS)) as server, okta_client(server.url) as okta:
            with pytest.raises(errors.OktaOutcomeUnknown) as refused:
                okta.post()
            assert refused.value.code == "okta_unavailable"
            assert okta.post() == SUCCESS

    def test_a_compressed_body_is_read(self) -> None:
        answer = message(gzip.compress(json.dumps(SUCCESS).encode()), Content_Encoding="gzip")
        with LoopbackServer(raw(answer)) as server, okta_client(server.url) as okta:
            assert okta.post() == SUCCESS

    def test_a_body_nested_too_deeply_is_unexpected(self) -> None:
        with (
            LoopbackServer(raw(message(b"[" * 200_000))) as server,
            okta_client(server.url) as okta,
            pytest.raises(errors.OktaUnexpectedResponse),
        ):
            okta.post()

    def test_a_redirect_is_not_followed_to_another_host(self) -> None:
        with LoopbackServer(says(SUCCESS)) as thief:
            there = raw(message(b"{}", 307, Location=f"{thief.url}/steal"))
            with (
                LoopbackServer(there) as server,
                okta_client(server.url) as okta,
                pytest.raises(errors.OktaUnexpectedResponse) as refused,
            ):
                okta.post()
            assert refused.value.code == "okta_unexpected_response"
            assert thief.received == []

"""The transport on a real connection: what only a socket shows."""

from __future__ import annotations

import json
import time
import traceback

import pytest

from tests.integration.loopback import (
    Answer,
    LoopbackServer,
    hangs_up,
    message,
    raw,
    resets,
    says,
    waits,
)
from tests.integration.okta_client import CODE, TOKEN, okta_client, okta_error
from verification import errors
from verification.okta import transport

SUCCESS = {"factorResult": "SUCCESS"}
TRUNCATED = raw(message(json.dumps(SUCCESS).encode(), Content_Length="1000"), then_close=True)
ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read timeouts that a test can wait for."""
    monkeypatch.setattr(transport, "READ_TIMEOUT", 0.2)


class TestConnections:
    def test_two_calls_take_one_connection(self) -> None:
        with LoopbackServer(says([]), says(SUCCESS)) as server, okta_client(server.url) as okta:
            assert okta.get() == []
            assert okta.post() == SUCCESS
            assert [each.connection for each in server.received] == [1, 1]

    @pytest.mark.parametrize(
        ("status", "document"), [(403, okta_error("E0000068")), (200, "no document")]
    )
    def test_a_refusal_leaves_the_connection_in_use(self, status: int, document: object) -> None:
        answers = (says(document, status), says(SUCCESS))
        with LoopbackServer(*answers) as server, okta_client(server.url) as okta:
            with pytest.raises(errors.VerificationError):
                okta.post()
            assert okta.post() == SUCCESS
            assert [each.connection for each in server.received] == [1, 1]

    def test_a_connection_that_was_idle_for_long_is_not_trusted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transport, "IDLE_SECONDS", 0.05)
        with LoopbackServer(says([]), says(SUCCESS)) as server, okta_client(server.url) as okta:
            okta.get()
            time.sleep(0.06)
            okta.post()
            assert [each.connection for each in server.received] == [1, 2]

    def test_a_connection_that_okta_closed_loses_no_code(self) -> None:
        closing = raw(message(b"[]"), then_close=True)
        with LoopbackServer(closing, says(SUCCESS)) as server, okta_client(server.url) as okta:
            okta.get()
            assert server.closed_one.wait(2)
            assert okta.post() == SUCCESS
            assert [each.connection for each in server.received] == [1, 2]

    def test_a_cut_connection_is_not_used_again(self) -> None:
        with (
            LoopbackServer(TRUNCATED, says(SUCCESS)) as server,
            okta_client(server.url) as okta,
        ):
            with pytest.raises(errors.OktaOutcomeUnknown):
                okta.post()
            assert okta.post() == SUCCESS
            assert [each.connection for each in server.received] == [1, 2]

    def test_no_cookie_of_one_customer_goes_with_another(self) -> None:
        answers = (says([], Set_Cookie="DT=ada; Path=/"), says(SUCCESS))
        with LoopbackServer(*answers) as server, okta_client(server.url) as okta:
            okta.get()
            okta.post()
            assert "cookie" not in server.received[1].headers


class TestLostAnswers:
    LOST = pytest.mark.parametrize("lost", [hangs_up, resets, TRUNCATED, raw(b"no HTTP\r\n\r\n")])

    @LOST
    def test_a_get_is_asked_once_more(self, lost: Answer) -> None:
        with LoopbackServer(lost, says([])) as server, okta_client(server.url) as okta:
            assert okta.get() == []
            assert len(server.received) == 2
            assert okta.waits == [0.05]

    @LOST
    def test_a_get_is_not_asked_a_third_time(self, lost: Answer) -> None:
        with LoopbackServer(lost, lost, says([])) as server, okta_client(server.url) as okta:
            with pytest.raises(errors.OktaOutcomeUnknown) as refused:
                okta.get()
            assert (refused.value.code, refused.value.retry_after) == ("okta_unavailable", 5)
            assert len(server.received) == 2

    @LOST
    def test_a_code_is_never_sent_again_after_its_answer_was_lost(self, lost: Answer) -> None:
        with LoopbackServer(lost, says(SUCCESS)) as server, okta_client(server.url) as okta:
            with pytest.raises(errors.OktaOutcomeUnknown) as refused:
                okta.post()
            assert (refused.value.code, refused.value.retry_after) == ("okta_unavailable", 5)
            assert (len(server.received), okta.waits) == (1, [])

    @pytest.mark.usefixtures("impatient")
    def test_a_code_is_never_sent_again_after_a_read_timeout(self) -> None:
        answers = (waits(1.0, says(SUCCESS)), says(SUCCESS))
        with LoopbackServer(*answers) as server, okta_client(server.url) as okta:
            with pytest.raises(errors.OktaOutcomeUnknown) as refused:
                okta.post()
            assert refused.value.code == "okta_unavailable"
            assert (len(server.received), okta.waits) == (1, [])

    @pytest.mark.usefixtures("impatient")
    def test_a_get_is_asked_once_more_after_a_read_timeout(self) -> None:
        answers = (waits(1.0, says([])), says([]))
        with LoopbackServer(*answers) as server, okta_client(server.url) as okta:
            assert okta.get() == []
            assert len(server.received) == 2

    @pytest.mark.parametrize("lost", [hangs_up, resets, TRUNCATED, raw(b"x\n\n")])
    def test_no_error_shows_the_token_or_the_code(self, lost: Answer) -> None:
        with (
            LoopbackServer(lost) as server,
            okta_client(server.url) as okta,
            pytest.raises(errors.OktaUnavailable) as refused,
        ):
            okta.post()
        shown = "".join(traceback.format_exception(refused.value)) + repr(refused.value)
        assert TOKEN not in shown
        assert CODE not in shown


class TestNotReached:
    def test_a_call_that_was_not_sent_is_sent_again(self) -> None:
        server = LoopbackServer(says(SUCCESS), listening=False)
        with server, okta_client(server.url, on_wait=server.server_activate) as okta:
            assert okta.post() == SUCCESS
            assert (len(server.received), okta.waits) == (1, [0.05])

    def test_a_call_that_cannot_be_sent_never_reached_okta(self) -> None:
        with (
            LoopbackServer(listening=False) as server,
            okta_client(server.url) as okta,
        ):
            with pytest.raises(errors.OktaNotReached) as refused:
                okta.post()
            assert (refused.value.code, refused.value.retry_after) == ("okta_unavailable", 5)
            assert okta.waits == [0.05]

    def test_no_error_shows_the_customer(self) -> None:
        with LoopbackServer(listening=False) as server, okta_client(server.url) as okta:
            with pytest.raises(errors.OktaNotReached) as refused:
                okta.get("api", "v1", "users", "ada@example.com")
            server.server_activate()
            server.answers.extend([hangs_up] * 2)
            with pytest.raises(errors.OktaOutcomeUnknown) as lost:
                okta.get("api", "v1", "users", "ada@example.com")
        for error in (refused.value, lost.value):
            assert error.__suppress_context__
            assert error.__cause__ is None
            assert "ada" not in "".join(traceback.format_exception_only(error))

    def test_it_is_not_sent_again_when_no_time_is_left(self) -> None:
        with (
            LoopbackServer(listening=False) as server,
            okta_client(server.url, clock=lambda: 0.0) as okta,
        ):
            with pytest.raises(errors.OktaNotReached):
                okta.post(seconds=0.09)
            assert okta.waits == []

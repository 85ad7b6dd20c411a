"""The faults of the simulated org, in process and over a real connection."""

import errno
import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.contract.okta_org import ADA, OktaOrg, served
from tests.sandbox.okta.faults import Kind, On
from tests.sandbox.okta.records import FactorType
from tests.sandbox.okta.seed import SANDBOX_API_TOKEN

EMAIL = FactorType.EMAIL
USER = f"/api/v1/users/{ADA}"
PATIENCE_SECONDS = 5.0

Address = tuple[str, int]


@pytest.fixture
def address(okta: OktaOrg) -> Iterator[Address]:
    with served(okta.org) as address:
        yield address
        # The server waits for its threads, which wait for the delays of faults.
        okta.org.interrupt()


def exchange(
    address: Address, method: str, path: str, body: str | None = None, patience: float = 5.0
) -> tuple[int, bytes]:
    """Status and body of one request on a connection of its own."""
    with closing(http.client.HTTPConnection(*address, timeout=patience)) as connection:
        headers = {"Authorization": f"SSWS {SANDBOX_API_TOKEN}"}
        connection.request(method, path, body, headers)
        with connection.getresponse() as response:
            return response.status, response.read()


def statuses(okta: OktaOrg) -> list[int]:
    return [call.status for call in okta.org.calls]


def wait_for_call(okta: OktaOrg) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not okta.org.calls:
        assert time.monotonic() < deadline
        time.sleep(0.001)


class TestSwitches:
    @pytest.mark.parametrize(
        ("on", "kind", "times", "complaint"),
        [
            ("sometimes", "reset", 1, "on must be one of verify, lookup, create, factors, authn"),
            ("any", "boom", 1, "kind must be one of timeout, reset, http_500"),
            ("any", "throttle", 1, "on 'any' and kind 'throttle' do not go together"),
            ("invoke", "reset", 1, "on 'invoke' and kind 'reset' do not go together"),
            ("any", "reset", 0, "times must be a whole number from 1 to 1000"),
            ("any", "reset", 1001, "times must be a whole number from 1 to 1000"),
            ("any", "reset", True, "times must be a whole number from 1 to 1000"),
        ],
    )
    def test_an_unknown_fault_is_refused(
        self, on: str, kind: str, times: int, complaint: str, okta: OktaOrg
    ) -> None:
        with pytest.raises(ValueError, match=complaint):
            okta.org.faults.add(on, kind, times)

    def test_faults_are_used_up_in_the_order_in_which_they_were_added(self, okta: OktaOrg) -> None:
        okta.org.faults.add("any", "http_500", 2)
        okta.org.faults.add("lookup", "http_503", 1)
        answers = [okta.get(USER).status_code for _ in range(4)]
        assert answers == [500, 500, 503, 200]

    @pytest.mark.parametrize(
        ("on", "hit"),
        [
            ("lookup", [500, 500, 200, 200, 401]),
            ("factors", [200, 200, 500, 200, 401]),
            ("verify", [200, 200, 200, 500, 401]),
            ("authn", [200, 200, 200, 200, 500]),
            ("any", [500, 500, 500, 500, 500]),
        ],
    )
    def test_a_fault_waits_for_its_requests(self, on: str, hit: list[int], okta: OktaOrg) -> None:
        okta.org.faults.add(on, "http_500", 5)
        okta.get(USER)
        okta.search('profile.email eq "ada@example.com"')
        okta.get(okta.factors_path(ADA))
        okta.challenge(ADA, EMAIL)
        okta.post("/api/v1/authn/cancel", {"stateToken": "dead"}, api_token=None)
        assert statuses(okta) == hit

    def test_a_fault_of_invocations_is_not_one_of_the_org(self, okta: OktaOrg) -> None:
        okta.org.faults.add("invoke", "drop", 1)
        assert okta.get(USER).status_code == 200
        okta.org.faults.add("any", "reset", 1)
        assert okta.org.faults.take(On.INVOKE) is Kind.DROP
        assert okta.org.faults.take(On.INVOKE) is None


class TestAnswers:
    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("http_500", 500),
            ("http_503", 503),
            ("rate_limited", 429),
            ("html", 200),
            ("truncated", 200),
            ("redirect", 302),
        ],
    )
    def test_a_broken_answer_does_nothing(self, kind: str, status: int, okta: OktaOrg) -> None:
        okta.org.faults.add("verify", kind, 1)
        assert okta.challenge(ADA, EMAIL).status_code == status
        assert okta.org.inbox == []
        assert statuses(okta) == [status]

    @pytest.mark.parametrize(
        ("kind", "code"),
        [("http_500", "E0000009"), ("http_503", "E0000010"), ("rate_limited", "E0000047")],
    )
    def test_an_error_is_an_okta_error(self, kind: str, code: str, okta: OktaOrg) -> None:
        okta.org.faults.add("any", kind, 1)
        response = okta.get(USER)
        assert response.get_json()["errorCode"] == code
        assert "x-okta-request-id" in response.headers

    def test_a_rate_limit_has_a_reset_time_and_no_retry_after(self, okta: OktaOrg) -> None:
        okta.org.faults.add("any", "rate_limited", 1)
        headers = okta.get(USER).headers
        assert headers["x-rate-limit-remaining"] == "0"
        assert headers["x-rate-limit-reset"] == str(int(okta.clock()) + 30)
        assert "retry-after" not in headers

    def test_other_answers_are_a_web_page_and_a_redirect_elsewhere(self, okta: OktaOrg) -> None:
        okta.org.faults.add("any", "html", 1)
        okta.org.faults.add("any", "redirect", 1)
        page, redirect = okta.get(USER), okta.get(USER)
        assert (page.mimetype, page.text[:15]) == ("text/html", "<!DOCTYPE html>")
        assert redirect.headers["location"] == "https://elsewhere.invalid/"

    def test_a_reset_in_process_is_the_error_that_a_caller_sees(self, okta: OktaOrg) -> None:
        okta.org.faults.add("any", "reset", 1)
        with pytest.raises(ConnectionResetError):
            okta.get(USER)
        assert statuses(okta) == [0]


class TestConnections:
    def test_a_reset_sends_no_answer_and_does_nothing(
        self, okta: OktaOrg, address: Address
    ) -> None:
        okta.org.faults.add("verify", "reset", 1)
        with pytest.raises(ConnectionResetError) as reset:
            exchange(address, "POST", okta.verify_path(ADA, EMAIL))
        assert reset.value.errno == errno.ECONNRESET
        assert (okta.org.inbox, statuses(okta)) == ([], [0])

    def test_a_truncated_answer_ends_early(self, okta: OktaOrg, address: Address) -> None:
        okta.org.faults.add("verify", "truncated", 1)
        with pytest.raises(http.client.IncompleteRead) as truncated:
            exchange(address, "POST", okta.verify_path(ADA, EMAIL))
        assert truncated.value.expected == 100
        assert (okta.org.inbox, statuses(okta)) == ([], [200])

    def test_a_timeout_is_carried_out_and_a_reset_ends_the_wait(
        self, okta: OktaOrg, address: Address
    ) -> None:
        okta.org.faults.add("verify", "timeout", 1)
        path = okta.verify_path(ADA, EMAIL)
        with ThreadPoolExecutor() as caller:
            lost = caller.submit(exchange, address, "POST", path)
            wait_for_call(okta)
            assert (len(okta.org.inbox), statuses(okta)) == (1, [0])
            assert not lost.done()
            okta.org.reset()
            with pytest.raises(ConnectionResetError):
                lost.result(PATIENCE_SECONDS)
        assert (okta.org.inbox, okta.org.calls) == ([], [])

    def test_a_caller_who_gives_up_leaves_no_trace_in_the_log(
        self, okta: OktaOrg, address: Address, caplog: pytest.LogCaptureFixture
    ) -> None:
        okta.org.faults.add("verify", "timeout", 1)
        with pytest.raises(TimeoutError):
            exchange(address, "POST", okta.verify_path(ADA, EMAIL), patience=0.05)
        okta.org.reset()
        assert exchange(address, "GET", USER)[0] == 200
        assert caplog.records == []

    def test_a_code_is_used_up_by_a_check_whose_answer_is_lost(
        self, okta: OktaOrg, address: Address
    ) -> None:
        okta.challenge(ADA, EMAIL)
        code = okta.sent_code(ADA)
        okta.org.calls.clear()
        okta.org.faults.add("verify", "timeout", 1)
        body = json.dumps({"passCode": code})
        with ThreadPoolExecutor() as caller:
            lost = caller.submit(exchange, address, "POST", okta.verify_path(ADA, EMAIL), body)
            wait_for_call(okta)
            assert okta.check(ADA, EMAIL, code).status_code == 403
            okta.org.interrupt()
            with pytest.raises(ConnectionResetError):
                lost.result(PATIENCE_SECONDS)

    def test_a_slow_answer_delays_only_its_caller(self, okta: OktaOrg, address: Address) -> None:
        okta.org.faults.add("lookup", "slow", 1)
        with ThreadPoolExecutor() as caller:
            slow = caller.submit(exchange, address, "GET", USER)
            wait_for_call(okta)
            status, body = exchange(address, "GET", USER)
            assert (status, json.loads(body)["profile"]["login"]) == (200, ADA)
            assert not slow.done()
            okta.org.interrupt()
            assert slow.result(PATIENCE_SECONDS)[0] == 200

    def test_parallel_checks_verify_a_code_once(self, okta: OktaOrg, address: Address) -> None:
        okta.challenge(ADA, EMAIL)
        body = json.dumps({"passCode": okta.sent_code(ADA)})
        path = okta.verify_path(ADA, EMAIL)
        with ThreadPoolExecutor(20) as callers:
            checks = [callers.submit(exchange, address, "POST", path, body) for _ in range(20)]
            answers = [check.result(PATIENCE_SECONDS)[0] for check in checks]
        assert sorted(answers) == [200] + [403] * 19


def test_every_answer_takes_the_latency_of_the_org() -> None:
    distant = OktaOrg(0.05)
    begun = time.monotonic()
    assert distant.get(USER).status_code == 200
    assert time.monotonic() - begun >= 0.05

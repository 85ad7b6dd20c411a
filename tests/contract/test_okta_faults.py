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
from tests.sandbox.okta.seed import SANDBOX_API_TOKEN

USER = f"/api/v1/users/{ADA}"
PATIENCE_SECONDS = 5.0

Address = tuple[str, int]


@pytest.fixture
def address(okta: OktaOrg) -> Iterator[Address]:
    with served(okta.org) as address:
        yield address
        # The server waits for its threads, which wait for the delays of faults.
        okta.org.interrupt()


@pytest.fixture
def verify(okta: OktaOrg) -> str:
    """The path at which codes of Ada's email factor are sent and checked."""
    return f"/api/v1/users/{okta.user.id}/factors/{okta.factor('email').id}/verify"


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
    on: str, kind: str, times: int, complaint: str, okta: OktaOrg
) -> None:
    with pytest.raises(ValueError, match=complaint):
        okta.org.faults.add(on, kind, times)


def test_faults_are_used_up_in_the_order_in_which_they_were_added(okta: OktaOrg) -> None:
    okta.org.faults.add("any", "http_500", 2)
    okta.org.faults.add("lookup", "http_503", 1)
    okta.play("2x account -> INTERNAL_SERVER_ERROR; account -> READ_ONLY_MODE; account -> ACTIVE")


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
def test_a_fault_waits_for_its_requests(on: str, hit: list[int], okta: OktaOrg) -> None:
    okta.org.faults.add(on, "http_500", 5)
    okta.play("account; search ada@example.com; list; send email; follow /cancel")
    assert statuses(okta) == hit


def test_a_fault_of_invocations_is_not_one_of_the_org(okta: OktaOrg) -> None:
    okta.org.faults.add("invoke", "drop", 1)
    okta.play("account -> ACTIVE")
    okta.org.faults.add("any", "reset", 1)
    assert okta.org.faults.take(On.INVOKE) is Kind.DROP
    assert okta.org.faults.take(On.INVOKE) is None


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("http_500", "500 INTERNAL_SERVER_ERROR"),
        ("http_503", "503 READ_ONLY_MODE"),
        ("rate_limited", "429 RATE_LIMITED"),
        ("html", "200"),
        ("truncated", "200"),
        ("redirect", "302"),
    ],
)
def test_a_broken_answer_does_nothing(kind: str, answer: str, okta: OktaOrg) -> None:
    okta.org.faults.add("verify", kind, 1)
    response = okta.play(f"send email -> {answer}")
    assert ("x-okta-request-id" in response.headers) is (response.status_code >= 400)
    assert (okta.org.inbox, statuses(okta)) == ([], [response.status_code])


def test_a_rate_limit_has_a_reset_time_and_no_retry_after(okta: OktaOrg) -> None:
    okta.org.faults.add("any", "rate_limited", 1)
    headers = okta.account().headers
    assert headers["x-rate-limit-remaining"] == "0"
    assert headers["x-rate-limit-reset"] == str(int(okta.clock()) + 30)
    assert "retry-after" not in headers


def test_other_answers_are_a_web_page_and_a_redirect_elsewhere(okta: OktaOrg) -> None:
    okta.org.faults.add("any", "html", 1)
    okta.org.faults.add("any", "redirect", 1)
    page, redirect = okta.account(), okta.account()
    assert (page.mimetype, page.text[:15]) == ("text/html", "<!DOCTYPE html>")
    assert redirect.headers["location"] == "https://elsewhere.invalid/"


def test_a_reset_in_process_is_the_error_that_a_caller_sees(okta: OktaOrg) -> None:
    okta.org.faults.add("any", "reset", 1)
    with pytest.raises(ConnectionResetError):
        okta.account()
    assert statuses(okta) == [0]


@pytest.mark.parametrize(
    ("kind", "seen", "detail", "status"),
    [
        ("reset", ConnectionResetError, ("errno", errno.ECONNRESET), 0),
        ("truncated", http.client.IncompleteRead, ("expected", 100), 200),
    ],
)
def test_a_broken_connection_sends_no_whole_answer_and_does_nothing(
    kind: str,
    seen: type[Exception],
    detail: tuple[str, int],
    status: int,
    okta: OktaOrg,
    address: Address,
    verify: str,
) -> None:
    okta.org.faults.add("verify", kind, 1)
    with pytest.raises(seen) as raised:
        exchange(address, "POST", verify)
    assert getattr(raised.value, detail[0]) == detail[1]
    assert (okta.org.inbox, statuses(okta)) == ([], [status])


def test_a_timeout_is_carried_out_and_a_reset_ends_the_wait(
    okta: OktaOrg, address: Address, verify: str
) -> None:
    okta.org.faults.add("verify", "timeout", 1)
    with ThreadPoolExecutor() as caller:
        lost = caller.submit(exchange, address, "POST", verify)
        wait_for_call(okta)
        assert (len(okta.org.inbox), statuses(okta)) == (1, [0])
        assert not lost.done()
        okta.org.reset()
        with pytest.raises(ConnectionResetError):
            lost.result(PATIENCE_SECONDS)
    assert (okta.org.inbox, okta.org.calls) == ([], [])


def test_a_caller_who_gives_up_leaves_no_trace_in_the_log(
    okta: OktaOrg, address: Address, verify: str, caplog: pytest.LogCaptureFixture
) -> None:
    okta.org.faults.add("verify", "timeout", 1)
    with pytest.raises(TimeoutError):
        exchange(address, "POST", verify, patience=0.05)
    okta.org.reset()
    assert exchange(address, "GET", USER)[0] == 200
    assert caplog.records == []


def test_a_code_is_used_up_by_a_check_whose_answer_is_lost(
    okta: OktaOrg, address: Address, verify: str
) -> None:
    okta.send("email")
    code = okta.code("email", "right")
    okta.org.calls.clear()
    okta.org.faults.add("verify", "timeout", 1)
    body = json.dumps({"passCode": code})
    with ThreadPoolExecutor() as caller:
        lost = caller.submit(exchange, address, "POST", verify, body)
        wait_for_call(okta)
        assert okta.check("email", code).status_code == 403
        okta.org.interrupt()
        with pytest.raises(ConnectionResetError):
            lost.result(PATIENCE_SECONDS)


def test_a_slow_answer_delays_only_its_caller(okta: OktaOrg, address: Address) -> None:
    okta.org.faults.add("lookup", "slow", 1)
    with ThreadPoolExecutor() as caller:
        slow = caller.submit(exchange, address, "GET", USER)
        wait_for_call(okta)
        status, body = exchange(address, "GET", USER)
        assert (status, json.loads(body)["profile"]["login"]) == (200, ADA)
        assert not slow.done()
        okta.org.interrupt()
        assert slow.result(PATIENCE_SECONDS)[0] == 200


def test_parallel_checks_verify_a_code_once(okta: OktaOrg, address: Address, verify: str) -> None:
    okta.send("email")
    body = json.dumps({"passCode": okta.code("email", "right")})
    with ThreadPoolExecutor(20) as callers:
        checks = [callers.submit(exchange, address, "POST", verify, body) for _ in range(20)]
        answers = [check.result(PATIENCE_SECONDS)[0] for check in checks]
    assert sorted(answers) == [200] + [403] * 19


def test_every_answer_takes_the_latency_of_the_org() -> None:
    distant = OktaOrg(0.05)
    begun = time.monotonic()
    assert distant.account().status_code == 200
    assert time.monotonic() - begun >= 0.05

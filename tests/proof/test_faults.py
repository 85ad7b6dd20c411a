"""A part of the fault matrix, another one after each change of the code; the report has all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.proof import matrix
from tests.proof.interference import AwsFault, CrashFault, Fault, OktaFault
from tests.proof.sampling import every
from tests.proof.world import EMAIL
from verification import errors
from verification.aws.attempt_rows import AttemptRows
from verification.observability import Observer
from verification.okta.factors import Factors


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    with matrix.listening():
        yield


@pytest.mark.parametrize("name", matrix.SCENARIOS)
def test_no_fault_breaks_a_promise(name: str) -> None:
    scenario = matrix.SCENARIOS[name]
    for point in every(12, matrix.points_of(scenario), name):
        assert matrix.played(scenario, point), point


def test_every_fault_has_its_column() -> None:
    """Each of them at some call, and all of Okta's at the call that checks a code."""
    points = matrix.points_of(matrix.SCENARIOS["JSON, client: wrong code, wants a receipt"])
    assert {fault for *_, fault in points} == {*OktaFault, *AwsFault, *CrashFault}
    at_check = {fault for _, call, fault in points if call.name.endswith("/verify")}
    assert at_check == {*OktaFault, *CrashFault}


# ---- That the matrix can fail ----------------------------------------------------------------------


def believing(check: Any) -> Any:
    """Take what cannot be read for a success."""

    def check_code(*given: Any) -> None:
        with suppress(errors.OktaAnswerUnclear):
            check(*given)

    return check_code


def twice(write: Any) -> Any:
    def outcome(*given: Any) -> None:
        write(*given)
        write(*given)

    return outcome


def telling(write: Any) -> Any:
    def outcome(*given: Any) -> None:
        given[-1].note(context=EMAIL)
        write(*given)

    return outcome


def lenient(_: Any) -> Any:
    return lambda *_: None


@pytest.mark.parametrize(
    ("owner", "name", "sabotage", "text", "fault"),
    [
        (Factors, "check_code", believing, "right code, wants a receipt", OktaFault.HTML),
        (AttemptRows, "settle", lenient, "right code, wants a receipt", AwsFault.THROTTLED),
        (Observer, "outcome", twice, "reads a hold", OktaFault.ERROR),
        (Observer, "outcome", telling, "asks for a code", OktaFault.NOT_FOUND),
    ],
)
def test_a_broken_promise_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    sabotage: Callable[[Any], Any],
    text: str,
    fault: Fault,
) -> None:
    scenario = matrix.SCENARIOS[f"JSON, client: {text}"]
    points = [each for each in matrix.points_of(scenario) if each[-1] is fault]
    monkeypatch.setattr(owner, name, sabotage(getattr(owner, name)))
    with pytest.raises(AssertionError):
        matrix.played(scenario, points[-1])

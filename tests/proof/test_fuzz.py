"""Some fuzzing in every suite: all seeds, and others that Hypothesis makes of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st

from tests.proof import matrix
from tests.proof.fuzz import campaign, engine, service
from tests.proof.fuzz.targets import CORPUS, TARGETS, Target, filed
from tests.proof.fuzz.texts import Message, mutated


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    with matrix.listening():
        yield


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_no_input_breaks_a_promise(target: Target) -> None:
    seeds = target.seeds()
    for seed in filed(target.name):
        target.run(seed)
    inputs = st.builds(
        lambda seed, chance: mutated(seed, chance, seeds), st.sampled_from(seeds), st.randoms()
    )

    @hypothesis.settings(max_examples=target.examples, suppress_health_check=list(HealthCheck))
    @hypothesis.given(inputs | st.binary())
    def hold(data: bytes) -> None:
        target.run(data)

    hold()


def test_every_route_has_a_seed() -> None:
    known = {" ".join(Message.of(seed).first.split(" ")[:2]) for seed in filed("calls")}
    assert known == {route for route in service.routes() if not route.startswith("OPTIONS")}


def test_every_corpus_is_a_targets() -> None:
    assert {path.stem for path in CORPUS.iterdir()} <= TARGETS.keys()


# ---- That fuzzing can fail --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "broken", "by"),
    [
        ("requests", "verification.http.json_api.text_of", lambda body, name: body[name]),
        ("answers", "verification.okta.wire._is_plain", lambda _: True),
        ("answers", "verification.okta.factors._result", lambda _: "SUCCESS"),
        ("forged", "verification.jws.is_signed", lambda *_: True),
        ("sealed", "verification.crypto._CHALLENGE", "factor"),
    ],
)
def test_what_is_broken_is_noticed(
    monkeypatch: pytest.MonkeyPatch, target: str, broken: str, by: object
) -> None:
    monkeypatch.setattr(broken, by)
    with pytest.raises((AssertionError, LookupError, ValueError, RecursionError)):
        test_no_input_breaks_a_promise(TARGETS[target])


# ---- Engines ---------------------------------------------------------------------------------------


def test_what_was_run_and_what_failed_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(campaign, "FOLDER", tmp_path)
    runs = campaign.fuzz(1, ["sealed"])
    monkeypatch.setattr(sys, "executable", "false")
    runs += campaign.fuzz(1, ["sealed"])
    assert [bool(run.inputs) for run in runs] == [True, False]
    assert [bool(run.places) for run in runs] == [engine.HAS_ATHERIS, False]
    assert [run.failure[:6] for run in runs] == ["", "FAILED"]


def test_without_atheris_the_input_that_failed_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    engine.at_random("sealed", 1, tmp_path)
    assert re.search(r"number_of_executed_units: [1-9]", capfd.readouterr().err)
    monkeypatch.setattr("verification.crypto._CHALLENGE", "factor")
    with pytest.raises(AssertionError):
        engine.at_random("sealed", 1, tmp_path)
    assert (tmp_path / "crash").is_file()

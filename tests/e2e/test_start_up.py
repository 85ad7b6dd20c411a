"""`make run` that cannot start, or that is given a setting which does not exist."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import free_ports
from tests.sandbox.__main__ import PORTS, main, port_of, unknown_settings
from tests.sandbox.server import HOST
from tests.sandbox.template import ROOT, Template

if TYPE_CHECKING:
    from pathlib import Path


def own_ports() -> dict[str, str]:
    """Ports for a `make run` of this test."""
    return dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))


def test_a_taken_port_is_named_and_the_log_of_the_running_sandbox_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(socket.create_server((HOST, 0))) as running:
        port = str(running.getsockname()[1])
        log = tmp_path / f"customer-verification-{port}.log"
        log.write_text("a line of the running sandbox\n")
        for name, given in (own_ports() | {"PORT": port, "OKTA_PORT": port}).items():
            monkeypatch.setenv(name, given)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        with pytest.raises(SystemExit, match="PORT, OKTA_PORT, AWS_PORT") as refused:
            main()
    assert f"{HOST}:{port}: Address already in use" in str(refused.value)
    assert log.read_text() == "a line of the running sandbox\n"


@pytest.mark.parametrize("given", ["70000", "0", "-1", "", "abc", "3000.5", "٣", "9" * 5000])
def test_a_port_is_a_number_from_1_to_65535(given: str) -> None:
    with pytest.raises(SystemExit, match=r"^PORT must be a whole number from 1 to 65535"):
        port_of("PORT", {"PORT": given})
    assert port_of("PORT", {"PORT": "65535"}) == 65_535


def test_a_wrong_setting_is_named_and_a_misspelt_one_reported(tmp_path: Path) -> None:
    wrong = {"CHALLENGE_LIFETIME_SECONDS": "abc", "SENDS_PER_SOURCE_HOURS": "5"}
    run = subprocess.run(
        [sys.executable, "-m", "tests.sandbox"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), **own_ports(), **wrong},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout) == (1, "")
    misspelt, refused = run.stderr.splitlines()
    assert misspelt.startswith("SENDS_PER_SOURCE_HOURS is not a setting")
    assert "CHALLENGE_LIFETIME_SECONDS must be a whole number" in refused


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CHALLENGE_LIFETIME_SECOND", "CHALLENGE_LIFETIME_SECONDS"),
        ("OKTA_ORGURL", "OKTA_ORG_URL"),
        ("HOLD_SECONDS", None),
        ("REGISTRATIONS_PER_CLIENT_HOUR", None),
    ],
)
def test_a_variable_that_looks_like_a_setting_is_reported(name: str, meant: str | None) -> None:
    [warning] = unknown_settings({name: "1", "PORT": "3000"}, Template({}))
    assert warning.startswith(f"{name} is not a setting and is ignored.")
    assert warning.endswith(f"Did you mean {meant}?") is (meant is not None)


def test_the_variables_of_an_ordinary_shell_are_not_reported() -> None:
    names = """
        AWS_ENDPOINT_URL_S3 AWS_PROFILE COLORTERM DBUS_SESSION_BUS_ADDRESS DISPLAY EDITOR
        GITHUB_TOKEN GPG_AGENT_INFO HISTSIZE HOME HOSTNAME JAVA_HOME LANG LC_ALL LESSOPEN LOGNAME
        LS_COLORS MAKEFLAGS MAKE_TERMERR NVM_DIR OKTA_API_TOKEN OKTA_CLIENT_ORGURL OLDPWD PATH
        PIP_INDEX_URL PORT OKTA_PORT AWS_PORT PWD PYTHONPATH PYTHON_VERSION SHELL SHLVL
        SSH_AUTH_SOCK TABLE_NAME TERM TMPDIR USER VIRTUAL_ENV XDG_RUNTIME_DIR XDG_SESSION_ID _
    """
    assert unknown_settings(dict.fromkeys(names.split(), ""), Template({})) == []

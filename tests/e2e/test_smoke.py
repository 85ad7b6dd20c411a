"""`make smoke` passes on a healthy stack, says what is wrong with another, and harms nobody."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests import smoke
from tests.sandbox.aws import CLIENT_KEY, ROOT_KEY
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.template import PREFIX, ROOT
from verification.http.statuses import STATUS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Caller

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
Smoke = Callable[..., tuple[int, str]]


@pytest.fixture
def check(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> Smoke:
    """Runs the smoke test; exit code and output, with blanks for line ends."""

    def run(url: str = sandbox.url, key: str = CLIENT_KEY) -> tuple[int, str]:
        code = smoke.main({"URL": url, "KEY": key})
        output = capsys.readouterr().out
        assert not key or key not in output
        return code, " ".join(output.split())

    return run


class TestHealthyStack:
    def test_every_check_passes_and_shows_its_request_id(
        self, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert smoke.main({"URL": f"{sandbox.url}/", "KEY": f"{CLIENT_KEY}\n"}) == 0
        first, *lines, last = capsys.readouterr().out.splitlines()
        assert (first, last) == (f"Checking {sandbox.url}", "All is well.")
        assert len(lines) == len(smoke.CHECKS)
        assert all(re.fullmatch(rf"ok     ({UUID})  \S.*", line) for line in lines)

    def test_it_shows_the_settings_of_the_stack(self, check: Smoke, log: Path) -> None:
        assert "unknown customers are concealed" in check()[1]
        settings = {"CONCEAL_UNKNOWN_CUSTOMERS": "false", "INVOKE_URL_ROUTES": "false"}
        with log.open("a") as file, Sandbox(file, environment=settings) as sandbox:
            code, output = check(sandbox.url)
        assert code == 0
        assert "the public is told who is a customer" in output
        assert "GET /challenge and GET /verify (off)" in output

    def test_nobody_is_harmed(self, client: Caller, check: Smoke) -> None:
        org = client.sandbox.org
        before = org.customers()
        assert check()[0] == 0
        client.sandbox.settle()
        assert org.customers() == before
        assert org.inbox == []
        assert {call.method for call in org.calls} == {"GET"}
        table = client.sandbox.aws.client("dynamodb")
        rows = table.scan(TableName=f"{PREFIX}ChallengeTable")["Items"]
        assert not any(row["pk"]["S"].startswith("customer#") for row in rows)
        assert all("ttl" in row for row in rows)

    def test_without_a_url_it_checks_the_sandbox_of_make_run(
        self, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert smoke.main({"PORT": sandbox.url.rpartition(":")[2]}) == 0
        assert CLIENT_KEY not in capsys.readouterr().out


class TestProblems:
    def test_every_remedy_is_for_an_existing_outcome(self) -> None:
        assert smoke.REMEDIES.keys() <= STATUS.keys()

    def test_a_bad_okta_token(self, sandbox: Sandbox, check: Smoke) -> None:
        sandbox.org.accept_tokens([])
        code, output = check()
        assert code == 1
        assert "The answer is 502 okta_credentials_rejected, and not 404" in output
        assert "Okta refuses the API token" in output
        assert "OktaTokenSecretArn" in output
        assert re.search(rf"WRONG {UUID} issue: ", output)
        assert "2 wrong." in output

    @pytest.mark.parametrize(
        ("kind", "words"),
        [
            ("http_503", "Okta does not answer"),
            ("rate_limited", "Okta's rate limit is used up"),
            ("html", "does not speak Okta's API"),
        ],
    )
    def test_okta_fails(self, sandbox: Sandbox, check: Smoke, kind: str, words: str) -> None:
        sandbox.org.faults.add("any", kind, 100)
        code, output = check()
        assert code == 1
        assert words in output

    def test_the_store_is_down(self, check: Smoke, log: Path) -> None:
        with log.open("a") as file, Sandbox(file) as sandbox:
            assert check(sandbox.url)[0] == 0
            sandbox.aws.__exit__()
            code, output = check(sandbox.url)
        assert code == 1
        assert "503 store_unavailable" in output
        assert "DynamoDB or Secrets Manager does not answer" in output

    def test_a_broken_secret(self, sandbox: Sandbox, check: Smoke) -> None:
        sandbox.aws.put_secret("ServiceKeysSecret", "{}")
        sandbox.advance += 300
        code, output = check()
        assert code == 1
        assert "500 internal_error" in output
        assert "log says which under this request id" in output

    @pytest.mark.parametrize("key", ["sk_of_another_stack_00", ROOT_KEY])
    def test_a_wrong_client_key(self, check: Smoke, key: str) -> None:
        code, output = check(key=key)
        assert code == 1
        assert "The client key is refused. KEY must be one of" in output
        assert "2 wrong." in output

    @pytest.mark.parametrize("key", ["", "sk_with_ümlaut", "two\nlines"])
    def test_a_text_that_cannot_be_a_key(self, check: Smoke, key: str) -> None:
        code, output = check(key=key)
        assert code == 1
        assert output.startswith("KEY is not")

    def test_nothing_listens_there(self, check: Smoke) -> None:
        code, output = check("http://127.0.0.1:9")
        assert code == 1
        assert "Nothing answers there. URL must be the stack's output ApiUrl" in output
        assert "1 wrong." in output

    def test_no_answer_in_time(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(smoke.CheckFailed, match="There is no answer in time"):
                smoke.no_route(smoke.Stack(url, CLIENT_KEY, timeout=(1.0, 0.1)))

    def test_another_service_listens_there(self, sandbox: Sandbox, check: Smoke) -> None:
        code, output = check(sandbox.okta_url)
        assert code == 1
        assert "URL leads to something else" in output

    def test_the_url_has_too_long_a_path(self, sandbox: Sandbox, check: Smoke) -> None:
        code, output = check(f"{sandbox.url}/prod/challenge")
        assert code == 1
        assert "There is no such route under URL" in output

    def test_the_host_does_not_speak_tls(self, sandbox: Sandbox, check: Smoke) -> None:
        code, output = check(sandbox.url.replace("http:", "https:"))
        assert code == 1
        assert "TLS certificate is not accepted, or it speaks no TLS" in output

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("http://api.example.com/prod", "URL must be https"),
            ("http://127.0.0.1.example.com", "URL must be https"),
            ("api.example.com", "URL must be a URL"),
            ("ftp://api.example.com", "URL must be a URL"),
        ],
    )
    def test_a_key_is_not_sent_to_such_a_url(self, check: Smoke, url: str, words: str) -> None:
        code, output = check(url)
        assert code == 1
        assert output.startswith(words)


class TestCommand:
    def test_the_exit_code_says_whether_all_checks_passed(self, sandbox: Sandbox) -> None:
        environ = {"URL": sandbox.url, "KEY": CLIENT_KEY, "PYTHONWARNINGS": "error"}
        assert run(sys.executable, "-m", "tests.smoke", **environ).returncode == 0
        sandbox.org.accept_tokens([])
        assert run(sys.executable, "-m", "tests.smoke", **environ).returncode == 1

    def test_the_key_is_on_no_command_line(self) -> None:
        make = run("make", "--dry-run", "smoke", URL="http://127.0.0.1:9", KEY=CLIENT_KEY)
        assert make.stdout.splitlines()[-1].endswith("-m tests.smoke")
        assert CLIENT_KEY not in make.stdout


def run(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with only this environment."""
    return subprocess.run(  # noqa: S603 - our own module and Makefile
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        check=False,
        text=True,
    )

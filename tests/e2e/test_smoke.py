"""What an operator does: a deployment, a token, a client key, and a real code to themselves."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import boto3
import pytest
from moto import mock_aws
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Request, Response

from deploy import smoke
from deploy.client_key import add_key
from deploy.okta_token import put_token
from deploy.stack import Problem
from tests.sandbox.aws import CLIENT_KEY, CREDENTIALS, ROOT_KEY
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.server import Server
from tests.sandbox.template import PREFIX, ROOT
from verification.http.statuses import STATUS

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from tests.e2e.conftest import Caller

BUCKET = "uploads"
REFUSAL = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>EndOfTest</Code><Message>no more</Message>"
    "</Error></ErrorResponse>"
)

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
EMAIL = "ada@example.com"
Smoke = Callable[..., str]


class CloudFormation:
    """moto, which keeps what is asked of CreateChangeSet and refuses it."""

    def __init__(self) -> None:
        self.change_sets: list[dict[str, list[str]]] = []
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: WSGIEnvironment, respond: StartResponse) -> Iterable[bytes]:
        body = Request(environ).get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        if b"Action=CreateChangeSet" in body:
            self.change_sets.append(parse_qs(body.decode()))
            return Response(REFUSAL, 400, content_type="text/xml")(environ, respond)
        return self._moto(environ, respond)  # type: ignore[no-any-return]


@pytest.fixture
def check(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> Smoke:
    """Runs the smoke test; what it says, with blanks for line ends."""

    def run(url: str = sandbox.url, key: str = CLIENT_KEY, **more: str) -> str:
        def ask(prompt: str) -> str:
            sys.stdout.write(prompt)
            sandbox.settle()
            return sandbox.org.inbox.to(EMAIL)[0].code

        problem = ""
        try:
            smoke.smoke({"URL": url, "KEY": key, **more}, ask)
        except Problem as found:
            problem = str(found)
        told = capsys.readouterr().out + problem
        assert not key or key not in told
        return " ".join(told.split())

    return run


@pytest.fixture
def stack(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox as a stack that the commands find, with its secrets as outputs."""
    outputs = {"OktaTokenSecretArn": "OktaTokenSecret", "ServiceKeysSecretArn": "ServiceKeysSecret"}
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": PREFIX + secret} for name, secret in outputs.items()},
    }
    cloudformation = sandbox.aws.client("cloudformation")
    cloudformation.create_stack(
        StackName="customer-verification", TemplateBody=json.dumps(template)
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL", sandbox.aws.url)
    return sandbox


class TestHealthyStack:
    def test_operator_is_verified_by_a_real_code(self, check: Smoke) -> None:
        told = check(EMAIL=EMAIL)
        assert "The code that was sent to a•••@example.com: verified All is well." in told

    def test_every_check_passes_and_shows_its_request_id(self, check: Smoke) -> None:
        told = check()
        assert len(re.findall(rf" ok {UUID} ", told)) == len(smoke.CHECKS)
        assert told.endswith("All is well.")

    def test_without_an_email_nobody_is_sent_anything(self, client: Caller, check: Smoke) -> None:
        org = client.sandbox.org
        before = org.customers()
        assert check().endswith("All is well.")
        client.sandbox.settle()
        assert org.customers() == before
        assert org.inbox == []
        assert {call.method for call in org.calls} == {"GET"}
        table = client.sandbox.aws.client("dynamodb")
        rows = table.scan(TableName=f"{PREFIX}ChallengeTable")["Items"]
        assert not any(row["pk"]["S"].startswith("customer#") for row in rows)

    def test_without_a_url_it_checks_the_sandbox_of_make_run(
        self, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
    ) -> None:
        smoke.smoke({"PORT": sandbox.url.rpartition(":")[2]})
        assert capsys.readouterr().out.endswith("All is well.\n")
        assert smoke.SANDBOX_KEY == CLIENT_KEY

    @pytest.mark.in_process
    def test_code_that_is_mistyped_may_be_typed_again(
        self, client: Caller, capsys: pytest.CaptureFixture[str]
    ) -> None:
        tries = iter(range(3))

        def ask(_: str) -> str:
            return ("12345", client.wrong_code(EMAIL), client.code(EMAIL))[next(tries)]

        smoke.smoke({"URL": client.sandbox.url, "KEY": CLIENT_KEY, "EMAIL": EMAIL}, ask)
        assert capsys.readouterr().out.count("Once more.") == 2


class TestProblems:
    def test_every_remedy_is_for_an_existing_outcome(self) -> None:
        assert smoke.REMEDIES.keys() <= STATUS.keys()

    @pytest.mark.in_process
    def test_bad_okta_token(self, sandbox: Sandbox, check: Smoke) -> None:
        sandbox.org.accept_tokens([])
        told = check()
        assert "The answer is 502 okta_credentials_rejected, not 404" in told
        assert "Okta refuses the API token" in told
        assert re.search(rf"WRONG {UUID} issue: ", told)
        assert told.endswith("2 wrong.")

    @pytest.mark.in_process
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
        assert words in check()

    def test_store_is_down(self, check: Smoke, log: Path) -> None:
        with log.open("a") as file, Sandbox(file) as sandbox:
            assert check(sandbox.url).endswith("All is well.")
            sandbox.aws.__exit__()
            assert "DynamoDB or Secrets Manager does not answer" in check(sandbox.url)

    @pytest.mark.in_process
    @pytest.mark.parametrize("key", ["sk_of_another_stack_00", ROOT_KEY])
    def test_wrong_client_key(self, check: Smoke, key: str) -> None:
        assert "The client key is refused. KEY must be one of" in check(key=key)

    @pytest.mark.in_process
    @pytest.mark.parametrize("key", ["sk_with_ümlaut", "two\nlines"])
    def test_text_that_cannot_be_a_key(self, check: Smoke, key: str) -> None:
        assert check(key=key) == "KEY is not a client key: make client prints one."

    @pytest.mark.usefixtures("sandbox")
    def test_nothing_listens_there(self, check: Smoke) -> None:
        told = check("http://127.0.0.1:9")
        assert "Nothing answers there. URL must be the stack's output ApiUrl" in told
        assert told.endswith("1 wrong.")

    def test_no_answer_in_time(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(Problem, match="There is no answer in time"):
                smoke.no_route(smoke.Api(url, CLIENT_KEY, timeout=(1.0, 0.1)))

    def test_url_leads_elsewhere(self, sandbox: Sandbox, check: Smoke) -> None:
        assert "URL leads to something else" in check(sandbox.okta_url)
        assert "There is no such route under URL" in check(f"{sandbox.url}/prod/challenge")
        assert "TLS certificate is not accepted" in check(sandbox.url.replace("http:", "https:"))

    @pytest.mark.in_process
    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("http://api.example.com/prod", "URL must be https"),
            ("http://127.0.0.1.example.com", "URL must be https"),
            ("api.example.com", "URL must be a URL"),
            ("ftp://api.example.com", "URL must be a URL"),
        ],
    )
    def test_key_is_not_sent_to_such_a_url(self, check: Smoke, url: str, words: str) -> None:
        assert check(url).startswith(words)

    @pytest.mark.in_process
    def test_nobody_by_this_email(self, check: Smoke) -> None:
        told = check(EMAIL="nobody@example.com")
        assert "Okta knows nobody by this EMAIL" in told
        assert "All is well" not in told


class TestKeysOfTheStack:
    def test_key_of_make_client_works_beside_the_others(
        self, stack: Sandbox, check: Smoke, capsys: pytest.CaptureFixture[str]
    ) -> None:
        add_key({"NAME": "kiosk", "SCOPES": "verify"})
        (key,) = [word for word in capsys.readouterr().out.split() if word.startswith("sk_")]
        stack.advance += 300
        assert check(key=key, EMAIL=EMAIL).endswith("verified All is well.")
        assert check().endswith("All is well.")

    def test_token_of_make_token_is_the_one_that_okta_sees(
        self, stack: Sandbox, check: Smoke
    ) -> None:
        token = "00" + "n" * 40
        stack.org.accept_tokens([token])
        assert "make token" in check()
        put_token({}, lambda _: token)
        assert check(EMAIL=EMAIL).endswith("verified All is well.")


class TestCommand:
    def test_exit_code_says_whether_all_checks_passed(self, sandbox: Sandbox) -> None:
        environ = {"URL": sandbox.url, "KEY": CLIENT_KEY, "PYTHONPATH": "shared:."}
        assert run(sys.executable, "-W", "error", "-m", "deploy.smoke", **environ).returncode == 0
        sandbox.org.accept_tokens([])
        failed = run(sys.executable, "-W", "error", "-m", "deploy.smoke", **environ)
        assert (failed.returncode, failed.stderr) == (1, "2 wrong.\n")

    def test_key_is_on_no_command_line(self) -> None:
        make = run("make", "--dry-run", "smoke", URL="http://127.0.0.1:9", KEY=CLIENT_KEY)
        assert make.stdout.splitlines()[-1].endswith("-m deploy.smoke")
        assert CLIENT_KEY not in make.stdout

    def test_deployment_asks_nothing_but_the_change_set(self) -> None:
        make = run(
            "make", "--dry-run", "deploy", OKTA="https://example.okta.com", REGION="eu-west-1"
        )
        commands = make.stdout.replace("\\\n\t", "")
        order = ("-m deploy.preflight", "sam build", "sam deploy")
        assert sorted(order, key=commands.index) == list(order)
        assert commands.splitlines()[-1].endswith(
            "sam deploy --stack-name 'customer-verification' --region 'eu-west-1' "
            "--parameter-overrides 'OktaOrgUrl=https://example.okta.com' "
        )
        assert "--guided" not in make.stdout


def test_deployment_reaches_the_change_set_with_no_prompt() -> None:
    aws = CloudFormation()
    with mock_aws(), Server(aws) as server:
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        # What `resolve_s3` of samconfig.toml makes in an account at the first deployment.
        boto3.client("cloudformation").create_stack(
            StackName="aws-sam-cli-managed-default",
            TemplateBody=json.dumps(
                {
                    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
                    "Outputs": {"SourceBucket": {"Value": BUCKET}},
                }
            ),
            Tags=[{"Key": "ManagedStackSource", "Value": "AwsSamCli"}],
        )
        done = run(
            *(sys.executable, "-m", "samcli", "deploy", "--template-file", "template.yaml"),
            *("--stack-name", "customer-verification", "--region", "us-east-1"),
            *("--parameter-overrides", "OktaOrgUrl=https://example.okta.com"),
            AWS_ENDPOINT_URL=server.url,
            AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
            SAM_CLI_TELEMETRY="0",
            **CREDENTIALS,
        )
        uploaded = boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert "EndOfTest" in done.stdout + done.stderr
    assert "[y/N]" not in done.stdout
    (asked,) = aws.change_sets
    assert asked["StackName"] == ["customer-verification"]
    assert asked["Capabilities.member.1"] == ["CAPABILITY_IAM"]
    given = dict(
        zip(
            [asked[name][0] for name in sorted(asked) if name.endswith(".ParameterKey")],
            [asked[name][0] for name in sorted(asked) if name.endswith(".ParameterValue")],
            strict=True,
        )
    )
    assert given == {"OktaOrgUrl": "https://example.okta.com"}
    # Two functions, the layer, the API's document and the template.
    assert len(uploaded) == 5


def run(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with only this environment and nobody to answer it."""
    return subprocess.run(  # noqa: S603 - our own module and Makefile
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
        text=True,
    )

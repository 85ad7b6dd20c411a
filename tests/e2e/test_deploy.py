"""`sam deploy`, as `make deploy` calls it, asks nothing before the change set."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import boto3
from moto import mock_aws
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Request, Response

from tests.sandbox.aws import CREDENTIALS
from tests.sandbox.server import Server
from tests.sandbox.template import ROOT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BUCKET = "uploads"
REFUSAL = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>EndOfTest</Code><Message>no more</Message>"
    "</Error></ErrorResponse>"
)


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
        done = subprocess.run(  # noqa: S603 - our own tool and template
            [
                *(sys.executable, "-m", "samcli", "deploy", "--template-file", "template.yaml"),
                *("--stack-name", "customer-verification", "--region", "us-east-1"),
                *("--parameter-overrides", "OktaOrgUrl=https://example.okta.com"),
            ],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "AWS_ENDPOINT_URL": server.url,
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "SAM_CLI_TELEMETRY": "0",
                **CREDENTIALS,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
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

"""`make deploy` looks here first, and stops with everything that is missing, in words.

OKTA, STACK, REGION and PARAMETERS (name=value, separated by blanks) are those of the command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import boto3

from deploy.stack import Problem, Stack, client, explained, find, run, session, stack_name
from verification.settings import OKTA_DOMAINS

WITHOUT_SNAPSTART = ("ap-east-2", "ap-southeast-6")
"""Taipei and New Zealand. Every other commercial region has SnapStart: AWS Lambda Developer Guide,
"Improving startup performance with Lambda SnapStart", "Supported Regions".
"""

SNAPSTART, NONE = "SnapStart", "None"

ACCOUNT = (
    "aws cloudformation deploy --region {region} --stack-name api-gateway-logs "
    "--template-file deploy/account.yaml --capabilities CAPABILITY_IAM"
)
DELETE = "aws cloudformation delete-stack --region {region} --stack-name {name}"

_OKTA = re.compile(r"https://([a-z0-9-]+\.)+[a-z][a-z0-9-]+")


def preflight(environ: Mapping[str, str]) -> None:
    """Raises Problem with all that would make this deployment fail."""
    aws = session(environ)
    if not aws.region_name:
        raise Problem(
            "No region is set. Name one (make deploy REGION=eu-west-1), or set one in your AWS profile."
        )
    with explained("say who you are (sts:GetCallerIdentity)"):
        account = client(aws, "sts").get_caller_identity()["Account"]
    stack = find(aws, stack_name(environ))
    parameters = dict(_parameters(environ.get("PARAMETERS", "")))
    if environ.get("OKTA"):
        parameters["OktaOrgUrl"] = environ["OKTA"]
    problems = [
        *_state(stack, aws.region_name),
        *_okta(stack, parameters),
        *_credential(stack, parameters),
        *_start_up(aws, stack, parameters),
        *_log_role(aws),
    ]
    if problems:
        raise Problem("\n\n".join(problems))
    print(f'Deploying the stack "{stack.name}" to account {account}, region {aws.region_name}.')


def _parameters(text: str) -> Iterator[tuple[str, str]]:
    for each in text.split():
        name, equals, value = each.partition("=")
        if not equals:
            raise Problem(f'PARAMETERS must be name=value, separated by blanks, not "{each}".')
        yield name, value


def _state(stack: Stack, region: str) -> Iterator[str]:
    if stack.status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
        delete = DELETE.format(region=region, name=stack.name)
        yield (
            f'The stack "{stack.name}" is in {stack.status}: its first deployment failed, or it could '
            f"not be deleted. CloudFormation can only delete it. Look at its events for the reason, "
            f"then:\n  {delete}"
        )
    elif stack.status == "UPDATE_ROLLBACK_FAILED":
        yield (
            f'The stack "{stack.name}" is in UPDATE_ROLLBACK_FAILED. Look at its events, remove the '
            f"reason, then:\n  aws cloudformation continue-update-rollback --region {region} "
            f"--stack-name {stack.name}"
        )
    elif stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
        yield f'The stack "{stack.name}" is being changed ({stack.status}). Wait until that has ended.'


def _okta(stack: Stack, parameters: Mapping[str, str]) -> Iterator[str]:
    known = {**stack.parameters, **parameters}
    url = known.get("OktaOrgUrl", "")
    host = urlsplit(url).hostname or ""
    if not url:
        yield "OKTA is missing, the URL of your Okta org: make deploy OKTA=https://example.okta.com"
    elif not _OKTA.fullmatch(url):
        yield f"OKTA must be https:// and a host name, such as https://example.okta.com, not {url}"
    elif host.partition(".")[0].endswith("-admin"):
        org = url.replace("-admin.", ".", 1)
        yield f"{url} is the org's admin console. The org itself is {org}"
    elif not host.endswith(tuple(f".{each}" for each in OKTA_DOMAINS)) and (
        host != known.get("OktaCustomDomain", "")
    ):
        yield (
            f"{host} is none of Okta's own domains, and the API token will be sent there. If it is the "
            f"custom domain of your org, say so: PARAMETERS=OktaCustomDomain={host}"
        )


def _credential(stack: Stack, parameters: Mapping[str, str]) -> Iterator[str]:
    now = stack.parameters.get("OktaCredential", "token")
    wanted = parameters.get("OktaCredential", now)
    if now == "token" and wanted not in ("token", "prepare"):
        yield (
            f"OktaCredential cannot go from token to {wanted} in one step: Okta would refuse every call, "
            "because the app's key is not published yet. Deploy OktaCredential=prepare first "
            '(docs/okta.md, "From the token to a service app").'
        )


def _start_up(aws: boto3.Session, stack: Stack, parameters: Mapping[str, str]) -> Iterator[str]:
    now = stack.parameters.get("StartUp", "")
    wanted = parameters.get("StartUp", now or SNAPSTART)
    region = str(aws.region_name)
    commercial = aws.get_partition_for_region(region) == "aws"
    if wanted == SNAPSTART and (region in WITHOUT_SNAPSTART or not commercial):
        yield (
            f"Lambda has no SnapStart in {region}. Start without it (PARAMETERS=StartUp=None), or with "
            "instances that are kept ready (PARAMETERS=StartUp=2)."
        )
    if now and wanted != now and NONE not in (now, wanted) and SNAPSTART in (now, wanted):
        yield (
            f"StartUp cannot go from {now} to {wanted} in one step: Lambda does not allow a snapshot and "
            "instances that are kept ready at the same time. Deploy StartUp=None first "
            '(docs/deploy.md, "Switching StartUp").'
        )


def _log_role(aws: boto3.Session) -> Iterator[str]:
    with explained("read API Gateway's settings of the account (apigateway:GET)"):
        account = client(aws, "apigateway").get_account()
    if not account.get("cloudwatchRoleArn"):
        yield (
            "API Gateway has no role in this account and region with which it could write the access "
            f"log. Once for the account:\n  {ACCOUNT.format(region=aws.region_name)}"
        )


if __name__ == "__main__":
    run(preflight)

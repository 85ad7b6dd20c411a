"""What `make deploy` looks at before it deploys, what `make token` and `make client` write, and what
`make okta-jwks` prints.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import jwt
import pytest
from moto import mock_aws
from moto.cloudformation.models import cloudformation_backends
from moto.moto_api._internal.models import moto_api_backend

from deploy.client_key import add_key
from deploy.okta_jwks import print_keys
from deploy.okta_token import put_token
from deploy.preflight import preflight
from deploy.stack import Problem
from tests.sandbox.arns import ACCOUNT_ID, REGION
from verification.aws.signing import KmsSigner
from verification.jws import kid_of, signing_input, token
from verification.observability import Meter

OKTA = "https://example.okta.com"
ROOT_KEY = "r" * 64


@cache
def client(service: str) -> Any:
    """One client for all tests: making one is slow."""
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


class Account:
    """An AWS account in moto, with what a deployment needs."""

    def set_log_role(self) -> None:
        operation = {
            "op": "replace",
            "path": "/cloudwatchRoleArn",
            "value": "arn:aws:iam::1:role/l",
        }
        client("apigateway").update_account(patchOperations=[operation])

    def deploy(
        self,
        status: str = "CREATE_COMPLETE",
        outputs: dict[str, str] | None = None,
        **parameters: str,
    ) -> None:
        """Deploy a stack with these parameters and outputs, and the outputs of the core's secrets."""
        secrets = client("secretsmanager")
        contents = {
            "OktaTokenSecretArn": {"okta_api_token": "replace-me"},
            "ServiceKeysSecretArn": {"root_key": ROOT_KEY, "clients": {}},
        }
        made = {
            name: secrets.create_secret(Name=name, SecretString=json.dumps(each))["ARN"]
            for name, each in contents.items()
        }
        template = {
            "Parameters": {name: {"Type": "String"} for name in parameters},
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {
                name: {"Value": value} for name, value in {**made, **(outputs or {})}.items()
            },
        }
        client("cloudformation").create_stack(
            StackName="customer-verification",
            TemplateBody=json.dumps(template),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in parameters.items()
            ],
        )
        (stack,) = cloudformation_backends[ACCOUNT_ID][REGION].stacks.values()
        stack.status = status

    def secret(self, name: str) -> dict[str, Any]:
        text = client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
        content: dict[str, Any] = json.loads(text)
        return content

    def put_clients(self, clients: object) -> None:
        content = json.dumps({"root_key": ROOT_KEY, "clients": clients})
        manager = client("secretsmanager")
        manager.put_secret_value(SecretId="ServiceKeysSecretArn", SecretString=content)


@pytest.fixture(scope="module", autouse=True)
def aws() -> Iterator[None]:
    """One moto for all tests: each new one reads the files of boto3 again."""
    with mock_aws():
        yield


@pytest.fixture
def account() -> Account:
    moto_api_backend.reset()
    ready = Account()
    ready.set_log_role()
    return ready


def refusal(command: Callable[..., None], *more: object, **environ: str) -> str:
    """What the command tells the operator, with blanks for line ends."""
    with pytest.raises(Problem) as refused:
        command(environ, *more)
    return " ".join(str(refused.value).split())


class TestPreflight:
    @pytest.mark.usefixtures("account")
    def test_first_deployment_needs_the_org_alone(self, capsys: pytest.CaptureFixture[str]) -> None:
        preflight({"OKTA": OKTA})
        expected = f'Deploying the stack "customer-verification" to account {ACCOUNT_ID}, region '
        assert capsys.readouterr().out == f"{expected}{REGION}.\n"

    def test_later_deployment_needs_nothing(self, account: Account) -> None:
        account.deploy(OktaOrgUrl=OKTA, StartUp="SnapStart")
        preflight({})

    def test_everything_that_is_missing_is_said_at_once(self) -> None:
        told = refusal(preflight, REGION="ap-east-2")
        assert "OKTA is missing" in told
        assert "Lambda has no SnapStart in ap-east-2" in told
        assert (
            "aws cloudformation deploy --region ap-east-2 --stack-name api-gateway-logs "
            "--template-file deploy/account.yaml --capabilities CAPABILITY_IAM" in told
        )

    def test_no_credentials(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name)
        assert "There are no AWS credentials" in refusal(preflight, OKTA=OKTA)

    def test_unknown_profile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        assert "The config profile (nobody) could not be found" in refusal(preflight, OKTA=OKTA)

    def test_no_region(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        assert "No region is set" in refusal(preflight, OKTA=OKTA)

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            ("ROLLBACK_COMPLETE", "aws cloudformation delete-stack --region us-east-1"),
            ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback"),
            ("UPDATE_IN_PROGRESS", "Wait until that has ended"),
        ],
    )
    def test_stack_that_cannot_be_updated(self, account: Account, status: str, words: str) -> None:
        account.deploy(status, OktaOrgUrl=OKTA)
        told = refusal(preflight)
        assert status in told
        assert words in told

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("example.okta.com", "OKTA must be https://"),
            ("https://example.okta.com/oauth2", "OKTA must be https://"),
            ("https://example-admin.okta.com", "The org itself is https://example.okta.com"),
            ("https://login.example.com", "PARAMETERS=OktaCustomDomain=login.example.com"),
        ],
    )
    @pytest.mark.usefixtures("account")
    def test_url_that_is_no_org(self, url: str, words: str) -> None:
        assert words in refusal(preflight, OKTA=url)

    @pytest.mark.usefixtures("account")
    def test_custom_domain_that_is_named(self) -> None:
        domain = "OktaCustomDomain=login.example.com"
        preflight({"OKTA": "https://login.example.com", "PARAMETERS": domain})

    @pytest.mark.usefixtures("account")
    def test_parameters_that_are_none(self) -> None:
        assert "PARAMETERS must be name=value" in refusal(preflight, PARAMETERS="strict")

    @pytest.mark.parametrize(
        ("now", "wanted", "may"),
        [
            *(("SnapStart", "5", False), ("5", "SnapStart", False), ("SnapStart", "None", True)),
            *(("None", "5", True), ("5", "None", True), ("5", "7", True), ("5", "5", True)),
        ],
    )
    def test_start_up_goes_from_a_snapshot_to_ready_instances_by_neither(
        self, account: Account, now: str, wanted: str, may: bool
    ) -> None:
        account.deploy(OktaOrgUrl=OKTA, StartUp=now)
        change = {"PARAMETERS": f"StartUp={wanted}"}
        if may:
            preflight(change)
        else:
            assert "Deploy StartUp=None first" in refusal(preflight, **change)

    @pytest.mark.parametrize(
        ("now", "wanted", "may"),
        [
            *(("token", "prepare", True), ("token", "0oa1", False), ("prepare", "0oa1", True)),
            *(("0oa1", "token", True), ("0oa1", "0oa2", True)),
        ],
    )
    def test_service_app_is_used_once_its_key_is_published(
        self, account: Account, now: str, wanted: str, may: bool
    ) -> None:
        account.deploy(OktaOrgUrl=OKTA, OktaCredential=now)
        change = {"PARAMETERS": f"OktaCredential={wanted}"}
        if may:
            preflight(change)
        else:
            assert "Deploy OktaCredential=prepare first" in refusal(preflight, **change)


class TestToken:
    def test_it_is_put_into_the_secret_of_the_stack(
        self, account: Account, capsys: pytest.CaptureFixture[str]
    ) -> None:
        account.deploy()
        token = "00" + "aB3-_" * 8
        put_token({}, lambda _: f"{token}\n")
        assert account.secret("OktaTokenSecretArn") == {"okta_api_token": token}
        assert token not in capsys.readouterr().out

    @pytest.mark.parametrize(
        "text", ["", "replace-me", "SSWS 00aaaaaaaaaaaaaaaaaaaaaaaa", "ü" * 42]
    )
    def test_what_is_no_token_changes_nothing(self, account: Account, text: str) -> None:
        account.deploy()
        told = refusal(put_token, lambda _: text)
        assert told.startswith("That is no API token of Okta")
        assert account.secret("OktaTokenSecretArn") == {"okta_api_token": "replace-me"}

    @pytest.mark.usefixtures("account")
    def test_without_a_stack_nobody_is_asked(self) -> None:
        def ask(_: str) -> str:
            raise AssertionError("asked")

        told = refusal(put_token, ask, STACK="shop")
        assert told == 'There is no stack "shop" in this account and region: make deploy.'


class TestOktaJwks:
    def test_what_kms_signs_is_verified_with_the_printed_key(
        self, account: Account, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kms = client("kms")
        key = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        account.deploy(outputs={"OktaAppKeyArn": key})
        print_keys({})
        [printed] = json.loads(capsys.readouterr().out)["keys"]
        assert (printed["kid"], printed["alg"]) == (kid_of(key), "RS256")
        signer = KmsSigner(lambda: kms, Meter())
        text = signing_input({"alg": "RS256", "kid": printed["kid"]}, {"iss": "0oa1"})
        assertion = token(text, signer.sign_rsa(key, text.encode()), "RS256")
        assert jwt.decode(assertion, jwt.PyJWK(printed), ["RS256"]) == {"iss": "0oa1"}

    def test_stack_that_uses_the_token_has_none(self, account: Account) -> None:
        account.deploy()
        assert "Deploy PARAMETERS=OktaCredential=prepare first" in refusal(print_keys)

    @pytest.mark.usefixtures("account")
    def test_without_a_stack_there_is_none(self) -> None:
        assert refusal(print_keys).startswith('There is no stack "customer-verification"')


class TestClient:
    @pytest.fixture(autouse=True)
    def deployed(self, account: Account) -> None:
        account.deploy()

    def add(self, capsys: pytest.CaptureFixture[str], **environ: str) -> str:
        """The key that is printed, once."""
        add_key(environ)
        (key,) = [word for word in capsys.readouterr().out.split() if word.startswith("sk_")]
        return key

    def test_first_client(self, account: Account, capsys: pytest.CaptureFixture[str]) -> None:
        key = self.add(capsys, NAME="shop", SCOPES="verify,register")
        assert len(key) > 40
        assert account.secret("ServiceKeysSecretArn") == {
            "root_key": ROOT_KEY,
            "clients": {"shop": {"keys": [key], "scopes": ["verify", "register"]}},
        }

    def test_other_clients_and_keys_stay(
        self, account: Account, capsys: pytest.CaptureFixture[str]
    ) -> None:
        desk = {
            "keys": ["d" * 16, "e" * 16],
            "scopes": ["verify", "release"],
            "audiences": ["desk"],
        }
        account.put_clients({"desk": desk, "old": "o" * 16})
        self.add(capsys, NAME="shop", SCOPES="verify")
        second = self.add(capsys, NAME="desk")
        third = self.add(capsys, NAME="old", SCOPES="verify")
        clients = account.secret("ServiceKeysSecretArn")["clients"]
        assert set(clients) == {"desk", "old", "shop"}
        assert clients["desk"] == {**desk, "keys": ["d" * 16, "e" * 16, second]}
        assert clients["old"] == {"keys": ["o" * 16, third], "scopes": ["verify"]}

    @pytest.mark.parametrize(
        ("name", "scopes", "words"),
        [
            ("", "verify", "NAME must be the name of a client"),
            ("two words", "verify", "NAME must be the name of a client"),
            ("shop", "", "SCOPES is missing"),
            ("shop", "verify,admin", "not admin"),
            ("desk", "verify", "desk exists with other scopes (release)"),
        ],
    )
    def test_bad_name_or_scope_changes_nothing(
        self, account: Account, name: str, scopes: str, words: str
    ) -> None:
        account.put_clients({"desk": {"keys": ["d" * 16], "scopes": ["release"]}})
        before = account.secret("ServiceKeysSecretArn")
        assert words in refusal(add_key, NAME=name, SCOPES=scopes)
        assert account.secret("ServiceKeysSecretArn") == before

    @pytest.mark.parametrize(
        "content", ["{", "[]", '{"clients": {}}', '{"root_key": "r", "clients": []}']
    )
    def test_broken_secret_is_left_alone(self, content: str) -> None:
        manager = client("secretsmanager")
        manager.put_secret_value(SecretId="ServiceKeysSecretArn", SecretString=content)
        assert "is broken" in refusal(add_key, NAME="shop", SCOPES="verify")
        found = manager.get_secret_value(SecretId="ServiceKeysSecretArn")["SecretString"]
        assert found == content

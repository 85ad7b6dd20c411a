"""AWS by moto's server: the table and the secrets that the template declares."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

import boto3
import requests
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Response

from tests.sandbox.server import Server
from tests.sandbox.template import PREFIX, Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

CLIENT_NAME = "sandbox"
CLIENT_KEY = "sk_sandbox_0000000000000000"
ROOT_KEY = "sandbox-root-key-that-names-nobody-outside-this-machine"

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

_CALLER = re.compile(r"Credential=(\w+)/")
_ACTION = re.compile(r"(DynamoDB|secretsmanager)(?:_[0-9]+)?\.(\w+)")


class Aws:
    """The account of the sandbox. A function, whose access key is its name, may do what its role
    allows.
    """

    def __init__(
        self,
        template: Template,
        okta_api_token: str,
        port: int = 0,
        dynamodb_url: str | None = None,
        bridge: str | None = None,
    ) -> None:
        self._template = template
        self._actions = {each.name: template.actions_of(each.name) for each in template.functions}
        self._okta_api_token = okta_api_token
        self._app = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self._server = Server(self._one_at_a_time, port, bridge)
        self.dynamodb_url = dynamodb_url or self._server.url

    @property
    def url(self) -> str:
        """The endpoint of every AWS service, but for DynamoDB if that is elsewhere."""
        return self._server.url

    def __enter__(self) -> Aws:
        self._server.__enter__()
        self.reset()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.__exit__(*exc)

    def reset(self) -> None:
        """Back to an account in which the stack has just been deployed."""
        requests.post(f"{self.url}/moto-api/reset", timeout=10).raise_for_status()
        dynamodb, secrets = self.client("dynamodb"), self.client("secretsmanager")
        for name in dynamodb.list_tables()["TableNames"]:
            dynamodb.delete_table(TableName=name)  # another DynamoDB than moto's has kept them
        for name, table in self._template.resources("AWS::DynamoDB::Table").items():
            dynamodb.create_table(
                TableName=PREFIX + name,
                BillingMode=table["BillingMode"],
                AttributeDefinitions=table["AttributeDefinitions"],
                KeySchema=table["KeySchema"],
            )
        for name, secret in self._template.resources("AWS::SecretsManager::Secret").items():
            content = self._content(secret)
            secrets.create_secret(Name=PREFIX + name, SecretString=json.dumps(content))

    def client(self, service: str) -> Any:
        """A boto3 client of this account."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.dynamodb_url if service == "dynamodb" else self.url,
            region_name=CREDENTIALS["AWS_REGION"],
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def put_secret(self, logical_id: str, content: str) -> None:
        """Rotate a secret, or spoil it."""
        client = self.client("secretsmanager")
        client.put_secret_value(SecretId=PREFIX + logical_id, SecretString=content)

    def _content(self, secret: Mapping[str, Any]) -> dict[str, Any]:
        """What an operator would have put in by now."""
        generated = secret.get("GenerateSecretString")
        if generated is None:
            fields = json.loads(secret["SecretString"])
            return dict.fromkeys(fields, self._okta_api_token)
        fields = json.loads(generated["SecretStringTemplate"])
        clients = {CLIENT_NAME: CLIENT_KEY}
        return {**fields, generated["GenerateStringKey"]: ROOT_KEY, "clients": clients}

    def _one_at_a_time(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """DynamoDB's single writes are atomic; moto's are so only if nothing runs beside them."""
        if not self._is_allowed(environ):
            denied = Response('{"__type": "AccessDeniedException"}', 400)
            return denied(environ, start_response)
        with self._lock:
            return list(self._app(environ, start_response))

    def _is_allowed(self, environ: WSGIEnvironment) -> bool:
        caller = _CALLER.search(environ.get("HTTP_AUTHORIZATION", ""))
        action = _ACTION.match(environ.get("HTTP_X_AMZ_TARGET", ""))
        allowed = self._actions.get(caller[1]) if caller else None
        return not allowed or not action or f"{action[1].lower()}:{action[2]}" in allowed

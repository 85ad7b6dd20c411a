"""AWS for the sandbox: moto's server for the table, the secrets and KMS, and Lambda's Invoke."""

from __future__ import annotations

import io
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import boto3
from moto.kms.models import Key, kms_backends
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Request, Response

from tests.sandbox.arns import ACCOUNT_ID, REGION, function_arn, key_arn
from tests.sandbox.invocations import Throttled
from tests.sandbox.okta.faults import DELAY_SECONDS, Faults, Kind, On
from tests.sandbox.okta.wire import cut_connection
from tests.sandbox.server import Server
from tests.sandbox.template import PREFIX, Template

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

CLIENT_NAME = "sandbox"
CLIENT_KEY = "sk_sandbox_0000000000000000"
SHOP_NAME = "shop"
SHOP_KEY = "sk_shop_00000000000000000"
CLIENTS = {
    CLIENT_NAME: {
        "keys": [CLIENT_KEY],
        "scopes": ["verify", "enroll", "register", "release"],
        "audiences": [CLIENT_NAME, SHOP_NAME],
    },
    SHOP_NAME: [SHOP_KEY],
}
ROOT_KEY = "sandbox-root-key-that-names-nobody-outside-this-machine"

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

_CALLER = re.compile(r"Credential=(\w+)/")
_TARGET = re.compile(r"(DynamoDB|secretsmanager|TrentService)(?:_[0-9]+)?\.(\w+)")
_SERVICES = {"DynamoDB": "dynamodb", "secretsmanager": "secretsmanager", "TrentService": "kms"}
_INVOKE_PATH = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
# A name, a partial ARN or a whole one, each with or without an alias or version.
_FUNCTION = re.compile(
    r"(?:(?:arn:aws:lambda:[a-z0-9-]+:)?\d{12}:function:)?([A-Za-z0-9_-]+)(?::([A-Za-z0-9_$-]+))?"
)
_ITEM_ACTIONS = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
_TRANSACTIONS = ("TransactWriteItems", "TransactGetItems")
_KMS_ERRORS = {
    Kind.HTTP_500: (500, "KMSInternalException"),
    Kind.THROTTLE: (400, "ThrottlingException"),
    Kind.DISABLED: (400, "DisabledException"),
}
_KEYS: dict[str, Key] = {}
"""KMS keys by their names. They outlive a reset, because functions keep public keys, and moto's own
state, which all sandboxes of a process share.
"""


class _Moto(DomainDispatcherApplication):  # type: ignore[misc]
    """Finds the app of a service once: by itself it lists moto's folder at each request."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self.get_backend_for_host = cache(super().get_backend_for_host)


class Aws:
    """The sandbox's AWS account. A function's access key id is its logical id, and its calls are
    limited to what its role allows. `accept_event` takes a function's name and an event that was
    sent to it asynchronously. `kms_calls` has the functions' calls of KMS since the reset.
    """

    def __init__(
        self,
        template: Template,
        okta_api_token: str,
        accept_event: Callable[[str, object], None],
        faults: Faults,
        port: int = 0,
        dynamodb_url: str | None = None,
        bridge: str | None = None,
    ) -> None:
        self.deploy(template)
        self.kms_calls: list[str] = []
        self._clients: dict[str, Any] = {}
        self._faults = faults
        self._okta_api_token = okta_api_token
        self._accept_event = accept_event
        self._moto = _Moto()
        self._lock = threading.Lock()
        self._server = Server(self._serve, port, bridge)
        self.dynamodb_url = dynamodb_url or self._server.url

    @property
    def url(self) -> str:
        """The endpoint of every service, except DynamoDB if another one was given."""
        return self._server.url

    def __enter__(self) -> Aws:
        self._server.__enter__()
        self.reset()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.__exit__(*exc)

    def deploy(self, template: Template) -> None:
        """Give the functions the permissions and the KMS keys of this template."""
        self._template = template
        self._put_keys()
        self._statements = {
            each.name: template.statements_of(each.name) for each in template.functions
        }

    def reset(self) -> None:
        """Return to the state right after a deployment."""
        with self._lock:
            moto_api_backend.reset()
        dynamodb, secrets = self.client("dynamodb"), self.client("secretsmanager")
        if self.dynamodb_url != self.url:  # a DynamoDB other than moto's still has its tables
            for name in dynamodb.list_tables()["TableNames"]:
                dynamodb.delete_table(TableName=name)
        for name, table in self._template.resources("AWS::DynamoDB::Table").items():
            dynamodb.create_table(
                TableName=PREFIX + name,
                BillingMode=table["BillingMode"],
                AttributeDefinitions=table["AttributeDefinitions"],
                KeySchema=table["KeySchema"],
            )
        for name, secret in self._template.resources("AWS::SecretsManager::Secret").items():
            content = json.dumps(self._content(secret))
            secrets.create_secret(Name=PREFIX + name, SecretString=content)
        self._put_keys()
        self.kms_calls.clear()

    def _put_keys(self) -> None:
        for name, key in self._template.resources("AWS::KMS::Key").items():
            self.put_key(PREFIX + name, key["KeySpec"])

    def put_key(self, name: str, spec: str = "ECC_NIST_P256") -> str:
        """Have a KMS key with this name, the same as ever: its ARN."""
        kms = kms_backends[ACCOUNT_ID][REGION]
        if name not in _KEYS:
            key = kms.create_key(None, "SIGN_VERIFY", spec, "", None)
            del kms.keys[key.id]
            key.arn, key.id = key_arn(name), key_arn(name).rpartition("/")[2]
            _KEYS[name] = key
        kms.keys[_KEYS[name].id] = _KEYS[name]
        return str(_KEYS[name].arn)

    def client(self, service: str) -> Any:
        """A boto3 client of this account, with all permissions; it takes long to make."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,  # type: ignore[call-overload]
                endpoint_url=self.dynamodb_url if service == "dynamodb" else self.url,
                region_name=CREDENTIALS["AWS_REGION"],
                aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            )
        return self._clients[service]

    def put_secret(self, logical_id: str, content: str) -> None:
        """Replace the content of a secret."""
        client = self.client("secretsmanager")
        client.put_secret_value(SecretId=PREFIX + logical_id, SecretString=content)

    def _content(self, secret: Mapping[str, Any]) -> dict[str, Any]:
        """A secret's content after an operator has filled in what the stack cannot generate."""
        generated = secret.get("GenerateSecretString")
        if generated is None:
            fields = json.loads(secret["SecretString"])
            return dict.fromkeys(fields, self._okta_api_token)
        fields = json.loads(generated["SecretStringTemplate"])
        return {**fields, generated["GenerateStringKey"]: ROOT_KEY, "clients": CLIENTS}

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        if invoked := _INVOKE_PATH.fullmatch(request.path):
            return self._invoke(request, unquote(invoked[1]))(environ, start_response)
        if not all(self._is_allowed(request, *needed) for needed in _needed(request)):
            denied = Response('{"__type": "AccessDeniedException"}', 400)
            return denied(environ, start_response)
        if broken := self._broken_kms(request):
            return broken(environ, start_response)
        # DynamoDB's writes are atomic; moto's are only while no other request runs.
        with self._lock:
            return list(self._moto(environ, start_response))

    def _broken_kms(self, request: Request) -> Response | None:
        """The error of a function's call of KMS, while a fault is set."""
        target = request.headers.get("X-Amz-Target", "")
        if not target.startswith("TrentService.") or self._caller(request) is None:
            return None
        self.kms_calls.append(target.partition(".")[2])
        kind = self._faults.take(On.KMS)
        if kind is Kind.RESET:
            cut_connection(request.environ)
        time.sleep(DELAY_SECONDS.get(kind, 0.0))
        if kind not in _KMS_ERRORS:
            return None
        status, name = _KMS_ERRORS[kind]
        return Response(json.dumps({"__type": name}), status)

    def _invoke(self, request: Request, name: str) -> Response:
        function = _FUNCTION.fullmatch(name)
        if function is None or function[1] not in self._statements:
            return _lambda_error(404, "ResourceNotFoundException", f"Function not found: {name}")
        arn = function_arn(function[1], function[2] or request.args.get("Qualifier", ""))
        if not self._is_allowed(request, "lambda:InvokeFunction", arn):
            return _lambda_error(403, "AccessDeniedException", f"not authorized to invoke {arn}")
        if request.headers.get("X-Amz-Invocation-Type") != "Event":
            return _lambda_error(400, "InvalidParameterValueException", "only Event is known here")
        try:
            self._accept_event(function[1], json.loads(request.get_data() or b"{}"))
        except ValueError:
            return _lambda_error(400, "InvalidRequestContentException", "the event is not JSON")
        except Throttled:
            return _lambda_error(429, "TooManyRequestsException", "Rate Exceeded.")
        return Response(status=202, headers={"x-amzn-RequestId": str(uuid.uuid4())})

    def _is_allowed(self, request: Request, action: str, arn: str | None = None) -> bool:
        caller = self._caller(request)
        if caller is None:
            return True
        return any(each.allows(action, arn) for each in self._statements[caller])

    def _caller(self, request: Request) -> str | None:
        """The function that calls, or None for the account itself."""
        caller = _CALLER.search(request.headers.get("Authorization", ""))
        return caller[1] if caller and caller[1] in self._statements else None


def _needed(request: Request) -> Iterator[tuple[str, str | None]]:
    """The IAM actions that a request needs, and on which resource if that is checked; a transaction
    needs those of its items.
    """
    target = _TARGET.match(request.headers.get("X-Amz-Target", ""))
    if target is None:
        return
    service, operation = _SERVICES[target[1]], target[2]
    content: dict[str, Any] = {}
    if service == "kms" or operation in _TRANSACTIONS:
        body = request.get_data()
        request.environ["wsgi.input"] = io.BytesIO(body)  # moto reads it again
        content = json.loads(body)
    if operation in _TRANSACTIONS:
        for item in content["TransactItems"]:
            yield from ((f"dynamodb:{_ITEM_ACTIONS[kind]}", None) for kind in item)
    else:
        yield f"{service}:{operation}", content.get("KeyId")


def _lambda_error(status: int, kind: str, message: str) -> Response:
    body = json.dumps({"Type": "User", "message": message})
    headers = {"x-amzn-ErrorType": kind, "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(body, status, headers, content_type="application/json")

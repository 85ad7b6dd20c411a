"""What no document can say: keys are used once, and some values are the stack's own."""

from typing import Any
from uuid import uuid4

import schemathesis

from verification.http.pipeline import MAX_IDEMPOTENCY_KEY

OF_THE_SANDBOX = {"audience": "shop", "redirect_url": "https://app.example.com/"}
ADA = {"email": "ada@example.com", "username": "ada@example.com", "password": "Correct-Horse-7"}
"""In place of every second text, so that what follows a success is called too."""


@schemathesis.hook  # type: ignore[untyped-decorator]
def before_call(
    _: schemathesis.HookContext, case: schemathesis.Case[Any], __: dict[str, Any]
) -> None:
    """Correct what is valid by the document and wrong by the state of the stack."""
    if case.headers and 0 < len(case.headers.get("Idempotency-Key", "")) <= MAX_IDEMPOTENCY_KEY:
        case.headers["Idempotency-Key"] = uuid4().hex
    for name, value in OF_THE_SANDBOX.items():
        if isinstance(case.body, dict) and isinstance(case.body.get(name), str):
            case.body[name] = value
    if isinstance(case.body, dict) and len(str(case.body.get("username", case.body))) % 2:
        case.body |= {name: ADA[name] for name in ADA.keys() & case.body.keys() if case.body[name]}

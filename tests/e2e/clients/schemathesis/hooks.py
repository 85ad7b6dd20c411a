"""What no document can say: keys are used once, and some values are the stack's own."""

from typing import Any
from uuid import uuid4

import schemathesis

from verification.http.pipeline import MAX_IDEMPOTENCY_KEY

OF_THE_SANDBOX = {"audience": "shop", "redirect_url": "https://app.example.com/"}


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

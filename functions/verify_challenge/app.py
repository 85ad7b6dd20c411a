"""Proves things: checks the code that a customer typed, and finishes sign-ins."""

from aws_lambda_powertools.event_handler import Response

from verification.dialects import authn, invoke_url, json_api, mfa
from verification.edge import Edge, handler_of, speaks

edge = Edge()


@edge.get("/verify", middlewares=[speaks(invoke_url, "verified")])
def verify_by_url() -> Response[str]:
    """`?email=&otp=`: 200 if this is the customer."""
    request = invoke_url.parse_verify(edge.event)
    return invoke_url.verified(edge.service.challenges.verify(request, edge.call))


@edge.post("/verify", middlewares=[speaks(json_api, "verified")])
def verify() -> Response[str]:
    """The challenge, verified."""
    request = json_api.parse_verify(edge.event)
    return json_api.verified(edge.service.challenges.verify(request, edge.call))


@edge.post("/auth/challenges/<id>/verify", middlewares=[speaks(mfa, "verified", clients_only=True)])
def verify_factor(id: str) -> Response[str]:
    """201: whether the code is right; the first right one activates a pending factor."""
    request = mfa.parse_verify(edge.event, id)
    return mfa.verified(edge.service.challenges.verify(request, edge.call))


@edge.post("/api/v1/authn/factors/<id>/verify", middlewares=[speaks(authn, "sign_in_step")])
def verify_step(id: str) -> Response[str]:
    """200: the factor is challenged or, with the right code, the customer is signed in."""
    state = edge.service.sign_in.verify(authn.parse_step(edge.event, id), edge.call)
    return authn.state(state, edge.event, edge.service.settings)


@edge.post(
    "/api/v1/authn/factors/<id>/lifecycle/activate", middlewares=[speaks(authn, "activated")]
)
def activate_step(id: str) -> Response[str]:
    """200: the factor that was enrolled on the way in is active."""
    state = edge.service.sign_in.activate(authn.parse_step(edge.event, id), edge.call)
    return authn.state(state, edge.event, edge.service.settings)


lambda_handler = handler_of(edge)

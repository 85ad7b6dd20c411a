"""Begins things: sends codes, registers customers, enrols factors, starts sign-ins, ends holds."""

from aws_lambda_powertools.event_handler import Response

from verification.dialects import authn, invoke_url, json_api, mfa, registrations
from verification.edge import Edge, handler_of, speaks

edge = Edge()


@edge.get("/challenge", middlewares=[speaks(invoke_url, "sent")])
def send_by_url() -> Response[str]:
    """`?email=`: 200, and a code is in the mail."""
    request = invoke_url.parse_issue(edge.event)
    return invoke_url.issued(edge.service.challenges.issue(request, edge.call))


@edge.post("/challenge", middlewares=[speaks(json_api, "sent")])
def send() -> Response[str]:
    """A challenge, and what may be done with it."""
    request = json_api.parse_issue(edge.event)
    return json_api.issued(edge.service.challenges.issue(request, edge.call))


@edge.post("/customers", middlewares=[speaks(json_api, "registered", clients_only=True)])
def register() -> Response[str]:
    """201: a new customer."""
    wanted = registrations.parse(edge.event)
    return json_api.registered(edge.service.registrations.register(wanted, edge.call))


@edge.post("/auth/factors/enroll", middlewares=[speaks(mfa, "enrolled", clients_only=True)])
def enroll() -> Response[str]:
    """201: a factor, active or waiting for its first right code."""
    request = mfa.parse_enroll(edge.event)
    enrollment = edge.service.enrollment
    match request.type:
        case "totp":
            enrolled = enrollment.enrol_totp(request.user, request.issuer, request.label, edge.call)
        case "sms":
            enrolled = enrollment.enrol_phone(request.phone, request.user, edge.call)
        case _:
            enrolled = enrollment.enrol_email(request.user, edge.call)
    return mfa.enrolled(enrolled)


@edge.get("/auth/factors/<id>", middlewares=[speaks(mfa, "read", clients_only=True)])
def factor(id: str) -> Response[str]:
    """200: the factor as it is now."""
    return mfa.factor(edge.service.enrollment.get(mfa.factor_ref(id), edge.call))


@edge.delete("/auth/factors/<id>", middlewares=[speaks(mfa, "removed", clients_only=True)])
def remove(id: str) -> Response[str]:
    """204: the factor is gone."""
    edge.service.enrollment.delete(mfa.factor_ref(id), edge.call)
    return mfa.deleted()


@edge.post("/auth/factors/<id>/challenge", middlewares=[speaks(mfa, "sent", clients_only=True)])
def challenge(id: str) -> Response[str]:
    """201: a challenge of this factor."""
    template = mfa.parse_challenge(edge.event)
    return mfa.challenged(
        edge.service.enrollment.challenge(mfa.factor_ref(id), template, edge.call)
    )


@edge.post("/api/v1/authn", middlewares=[speaks(authn, "sign_in_begun")])
def sign_in() -> Response[str]:
    """200: where the sign-in is after the password, or is already."""
    request, sign_in = authn.parse_begin(edge.event), edge.service.sign_in
    if isinstance(request, str):
        return authn.state(sign_in.resume(request, edge.call), edge.event, edge.service.settings)
    return authn.state(sign_in.begin(request, edge.call), edge.event, edge.service.settings)


@edge.post("/api/v1/authn/factors/<id>/verify/resend", middlewares=[speaks(authn, "sent")])
def send_again(id: str) -> Response[str]:
    """200: another code is on its way."""
    state = edge.service.sign_in.send_again(authn.parse_step(edge.event, id), edge.call)
    return authn.state(state, edge.event, edge.service.settings)


@edge.post("/api/v1/authn/factors", middlewares=[speaks(authn, "enrolled")])
def enroll_step() -> Response[str]:
    """200: a factor that is active, or waits for its first code."""
    state = edge.service.sign_in.enrol(authn.parse_enrol(edge.event), edge.call)
    return authn.state(state, edge.event, edge.service.settings)


@edge.post("/api/v1/authn/factors/<id>/lifecycle/resend", middlewares=[speaks(authn, "sent")])
def send_first_code_again(id: str) -> Response[str]:
    """200: another code for the activation is on its way."""
    step = authn.parse_step(edge.event, id)
    state = edge.service.sign_in.send_first_code_again(step, edge.call)
    return authn.state(state, edge.event, edge.service.settings)


@edge.post("/api/v1/authn/previous", middlewares=[speaks(authn, "moved")])
@edge.post("/api/v1/authn/skip", middlewares=[speaks(authn, "moved")])
@edge.post("/api/v1/authn/cancel", middlewares=[speaks(authn, "moved")])
def move() -> Response[str]:
    """200: back to the choice of a factor, on without one, or out."""
    where = edge.event.resource.rpartition("/")[-1]
    state = edge.service.sign_in.move(where, authn.parse_state_token(edge.event), edge.call)
    return authn.state(state, edge.event, edge.service.settings)


@edge.delete("/holds/<email>", middlewares=[speaks(json_api, "released", clients_only=True)])
def release(email: str) -> Response[str]:
    """204: a held customer may try again."""
    edge.service.challenges.release(json_api.parse_email(email), edge.call)
    return json_api.released()


lambda_handler = handler_of(edge)

"""Begins things: sends codes, enrols factors, lets a held customer try again."""

from aws_lambda_powertools.event_handler import Response

from verification.dialects import invoke_url, json_api, mfa
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


@edge.post("/auth/factors/enroll", middlewares=[speaks(mfa, "enrolled")])
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


@edge.get("/auth/factors/<id>", middlewares=[speaks(mfa, "read")])
def factor(id: str) -> Response[str]:
    """200: the factor as it is now."""
    return mfa.factor(edge.service.enrollment.get(mfa.factor_ref(id), edge.call))


@edge.delete("/auth/factors/<id>", middlewares=[speaks(mfa, "removed")])
def remove(id: str) -> Response[str]:
    """204: the factor is gone."""
    edge.service.enrollment.delete(mfa.factor_ref(id), edge.call)
    return mfa.deleted()


@edge.post("/auth/factors/<id>/challenge", middlewares=[speaks(mfa, "sent")])
def challenge(id: str) -> Response[str]:
    """201: a challenge of this factor."""
    template = mfa.parse_challenge(edge.event)
    return mfa.challenged(
        edge.service.enrollment.challenge(mfa.factor_ref(id), template, edge.call)
    )


@edge.delete("/holds/<email>", middlewares=[speaks(json_api, "released")])
def release(email: str) -> Response[str]:
    """204: a held customer may try again."""
    edge.service.challenges.release(json_api.parse_email(email), edge.call)
    return json_api.released()


lambda_handler = handler_of(edge)

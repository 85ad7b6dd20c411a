"""Begins things: sends codes, enrols factors, lets a held customer try again."""

from aws_lambda_powertools.event_handler import Response

from verification.dialects import invoke_url, json_api
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


@edge.delete("/holds/<email>", middlewares=[speaks(json_api, "released")])
def release(email: str) -> Response[str]:
    """204: a held customer may try again."""
    edge.service.challenges.release(json_api.parse_email(email), edge.call)
    return json_api.released()


lambda_handler = handler_of(edge)

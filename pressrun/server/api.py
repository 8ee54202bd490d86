"""The API in the local server: an ASGI request becomes the event that Lambda would get, and its response an answer."""

from __future__ import annotations

import sys
import traceback
from base64 import b64encode
from typing import Any, Final

from pressrun.domain.links import API
from pressrun.http import Api
from pressrun.server.messages import Answer, Request
from pressrun.server.policies import security

# Anybody can send these; on AWS, our own distribution does.
_NOT_BELIEVED: Final = frozenset({"cloudfront-viewer-address", "x-forwarded-for", "x-pressrun-edge"})


def is_api(request: Request, base: str) -> bool:
    """Whether the API answers this request."""
    return request.target.startswith(f"{base}{API}".encode())


def answer(api: Api, request: Request, body: bytes) -> Answer:
    """The API's answer. What goes wrong is printed without what was asked."""
    try:
        response = api.answer(_event(request, body))
    except Exception as error:
        sys.stderr.write("".join(traceback.format_tb(error.__traceback__)) + f"{type(error).__name__}\n")
        return failed(request, 500)
    headers = [(name, value) for name, value in response["headers"].items()]
    if request.scheme == "https":
        headers += [pair for pair in security("https") if pair[0] == "Strict-Transport-Security"]
    return Answer(status=response["statusCode"], headers=headers, body=response["body"].encode())


def failed(request: Request, status: int) -> Answer:
    """An answer that the API itself did not give."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
    text = {413: "That is too large.", 500: "Something went wrong here."}[status]
    return Answer(status=status, headers=[*headers, *security(request.scheme)], body=f"{text}\n".encode())


def _event(request: Request, body: bytes) -> dict[str, Any]:
    """Payload format 2.0, as far as the API reads it."""
    path = request.target.decode("latin-1")
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": {name: value for name, value in request.headers.items() if name not in _NOT_BELIEVED},
        "requestContext": {
            "stage": "$default",
            "http": {"method": request.method, "path": path, "sourceIp": request.peer},
        },
        "body": b64encode(body).decode(),
        "isBase64Encoded": True,
    }

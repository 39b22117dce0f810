"""What a request may bring along. Django spools a body to the disk before it looks at who sends it, however long it is."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Above Django's own limit of a form (2.5 MB), which answers with a page
MOST_BODY_BYTES = 3_000_000


class _TooLong(Exception):
    """More came than MOST_BODY_BYTES."""


def limited(pages: Application) -> Application:
    """The same application, which answers 413 to a longer body and reads no more of it."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BODY_BYTES:
                raise _TooLong
            return message

        try:
            if _declared(scope) > MOST_BODY_BYTES:
                raise _TooLong
            await pages(scope, counted, send)
        except _TooLong:
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 413, "headers": headers})
            await send({"type": "http.response.body", "body": b"That is more than the portal takes at once.\n"})

    return application


def _declared(scope: Scope) -> int:
    lengths = [value for name, value in scope.get("headers", []) if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0

"""What is sent as a file while it is written: nobody holds a hundred thousand rows in memory."""

from collections.abc import AsyncIterator, Iterator
from itertools import islice

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

LINES_A_CHUNK = 200
CSV, JSON = "text/csv; charset=utf-8", "application/json"


def streamed(request: HttpRequest, lines: Iterator[str], content_type: str, name: str) -> StreamingHttpResponse:
    """A file named for what it is of and the day."""
    name = f"{name}-{timezone.localtime():%Y-%m-%d}.{'csv' if content_type == CSV else 'json'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    chunks = _chunks(lines)
    # an asynchronous server would gather a synchronous iterator whole before it sends the first byte
    content = _asynchronous(chunks) if isinstance(request, ASGIRequest) else chunks
    return StreamingHttpResponse(content, content_type=content_type, headers=headers)


def _chunks(lines: Iterator[str]) -> Iterator[str]:
    while chunk := "".join(islice(lines, LINES_A_CHUNK)):
        yield chunk


async def _asynchronous(chunks: Iterator[str]) -> AsyncIterator[str]:
    while chunk := await sync_to_async(_next)(chunks):
        yield chunk


def _next(chunks: Iterator[str]) -> str:
    return next(chunks, "")

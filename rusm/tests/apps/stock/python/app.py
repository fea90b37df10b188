"""A stock component in Python: see build.sh.

- `/python/head`: the method, the target and the headers of a request, one a line
- `/python/body`: its body, piece by piece
- `/python/raise`: an exception
- any other path: `Hello from Python`
"""

import asyncio

import poll_loop
from componentize_py_types import Ok
from poll_loop import PollLoop, Sink, Stream
from wit_world import exports
from wit_world.imports.types import (
    Fields,
    IncomingRequest,
    Method_Other,
    OutgoingResponse,
    ResponseOutparam,
)


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        loop = PollLoop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(answer(request, response_out))


async def answer(request: IncomingRequest, response_out: ResponseOutparam) -> None:
    path = (request.path_with_query() or "").partition("?")[0]
    if path == "/python/raise":
        raise RuntimeError("on purpose")
    response = OutgoingResponse(Fields.from_list([("x-language", b"Python")]))
    body = response.body()
    ResponseOutparam.set(response_out, Ok(response))
    sink = Sink(body)
    if path == "/python/head":
        await sink.send(head(request))
    elif path == "/python/body":
        stream = Stream(request.consume())
        while (piece := await stream.next()) is not None:
            await sink.send(piece)
    else:
        await sink.send(b"Hello from Python\n")
    sink.close()


def head(request: IncomingRequest) -> bytes:
    method = request.method()
    name = method.value if isinstance(method, Method_Other) else type(method).__name__
    lines = [f"{name.removeprefix('Method_').upper()} {request.path_with_query()}".encode()]
    lines += [name.encode() + b": " + value for name, value in request.headers().entries()]
    return b"\n".join(lines) + b"\n"

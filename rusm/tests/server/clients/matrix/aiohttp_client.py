"""aiohttp: HTTP and WebSocket of one session."""

import asyncio

from aiohttp import ClientSession, ClientTimeout, WSMsgType

from cells import EVENT, FEED, PATIENCE_S, SIZES, TOO_LARGE, WAYS, body, cell, same, text


def session(way):
    return ClientSession(way.http, timeout=ClientTimeout(PATIENCE_S))


async def echoes(client, way, kind, size):
    async with client.post(way.echo(kind), data=body(size)) as response:
        assert response.status == 200, response
        same(await response.read(), body(size))


async def main():
    for way in WAYS:
        for size in SIZES:
            with cell(way, "fresh", size):
                async with session(way) as client:
                    await echoes(client, way, "fresh", size)
        async with session(way) as client:
            for size in SIZES:
                with cell(way, "kept", size):
                    await echoes(client, way, "kept", size)
            for size in SIZES:
                with cell(way, "first", size):
                    async with client.ws_connect(way.echo("first")) as socket:
                        await socket.send_bytes(body(size))
                        same(await socket.receive_bytes(timeout=PATIENCE_S), body(size))
            async with client.ws_connect(way.echo("later"), autoping=False) as socket:
                for size in SIZES:
                    with cell(way, "later", size):
                        await socket.send_str(text(size))
                        same(await socket.receive_str(timeout=PATIENCE_S), text(size))
                with cell(way, "talk"):
                    for message in ("", "é" * 10_000):
                        await socket.send_str(message)
                        same(await socket.receive_str(timeout=PATIENCE_S), message)
                    await socket.ping(b"are you there?")
                    pong = await socket.receive(timeout=PATIENCE_S)
                    assert (pong.type, pong.data) == (WSMsgType.PONG, b"are you there?")
            with cell(way, "events"):
                async with client.get(FEED) as response:
                    while EVENT not in (line := await response.content.readline()):
                        assert line, "the feed has ended"
            with cell(way, "refused", TOO_LARGE):
                async with client.post(way.echo("refused"), data=body(TOO_LARGE)) as response:
                    assert response.status == 413, response


asyncio.run(main())

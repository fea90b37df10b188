"""The package websockets, asynchronous."""

import asyncio

import websockets

from cells import PATIENCE_S, SIZES, WAYS, body, cell, same, text


async def talk(socket):
    await socket.send(["in ", "", "fragments"])
    assert await socket.recv() == "in fragments"
    await socket.send([b"\x00" * 70_000, b"\x01" * 70_000])
    same(await socket.recv(), b"\x00" * 70_000 + b"\x01" * 70_000)
    await socket.send("é" * 10_000)
    same(await socket.recv(), "é" * 10_000)
    await (await socket.ping("are you there?"))


async def main():
    for way in WAYS:
        for size in SIZES:
            with cell(way, "first", size):
                async with asyncio.timeout(PATIENCE_S), websockets.connect(way.ws + way.echo("first")) as socket:
                    await socket.send(body(size))
                    same(await socket.recv(), body(size))
        async with websockets.connect(way.ws + way.echo("later")) as socket:
            for size in SIZES:
                with cell(way, "later", size):
                    async with asyncio.timeout(PATIENCE_S):
                        await socket.send(text(size))
                        same(await socket.recv(), text(size))
            with cell(way, "talk"):
                async with asyncio.timeout(PATIENCE_S):
                    await talk(socket)


asyncio.run(main())

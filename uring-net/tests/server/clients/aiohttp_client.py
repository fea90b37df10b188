"""Talks with the echo server on the port that is given through the package aiohttp."""

import asyncio
import sys

import aiohttp

URL = f"http://127.0.0.1:{sys.argv[1]}/"


async def talk(session, number):
    async with session.ws_connect(URL, protocols=["chat.v1"], compress=15, heartbeat=1) as socket:
        assert socket.protocol == "chat.v1"
        assert not socket.compress
        for length in [0, 1, 125, 126, 65535, 65536, 300_000]:
            await socket.send_bytes(bytes([number]) * length)
            assert await socket.receive_bytes() == bytes([number]) * length
        await socket.send_str("naïve")
        assert await socket.receive_str() == "naïve"
        await socket.send_json({"number": number})
        assert await socket.receive_json() == {"number": number}


async def main():
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(talk(session, number) for number in range(20)))
        async with session.get(URL) as refused:
            assert refused.status == 426, refused.status
            assert refused.headers["upgrade"] == "websocket"
    print("ok")


asyncio.run(main())

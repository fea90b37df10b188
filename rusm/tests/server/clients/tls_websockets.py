"""Python's websockets over TLS: messages of all sizes come back."""

import asyncio
import ssl
import sys

import websockets


async def main(port, authority):
    context = ssl.create_default_context(cafile=authority)
    url = f"wss://127.0.0.1:{port}/echo"
    async with websockets.connect(url, ssl=context, server_hostname="a.test", max_size=None) as client:
        for size in [0, 1, 20_000, 1_000_000]:
            await client.send("x" * size)
            assert await client.recv() == "x" * size
    print("ok")


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 30))

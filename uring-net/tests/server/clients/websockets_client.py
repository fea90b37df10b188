"""Talks with the echo server on the port that is given through the package websockets."""

import asyncio
import sys

import websockets

URL = f"ws://127.0.0.1:{sys.argv[1]}/"


async def main():
    options = {"subprotocols": ["chat.v1", "chat.v2"], "max_size": None, "compression": "deflate"}
    async with websockets.connect(URL, **options) as socket:
        assert socket.subprotocol == "chat.v2"
        for message in ["", "žluťoučký kůň", "x" * 1_000_000, b"", bytes(range(256)) * 10_000]:
            await socket.send(message)
            assert await socket.recv() == message
        # Fragments of text may end inside of a character.
        text = "kůň" * 1000
        await socket.send([text[at : at + 7] for at in range(0, len(text), 7)])
        assert await socket.recv() == text
        # Many at once, which are answered in order.
        for number in range(2000):
            await socket.send(str(number))
        for number in range(2000):
            assert await socket.recv() == str(number)
        await (await socket.ping(b"payload"))
        await socket.close(4001, "enough")
        assert socket.close_code == 4001, socket.close_code
    print("ok")


asyncio.run(main())

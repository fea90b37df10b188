"""Python's websockets: the ends of connections, and a chat."""

import asyncio
import json
import sys

import websockets

MIB = 1024 * 1024


async def subprotocols(base):
    async with websockets.connect(f"{base}/echo", subprotocols=["x", "chat"]) as client:
        assert client.subprotocol == "chat"
    async with websockets.connect(f"{base}/echo", subprotocols=["x"]) as client:
        assert client.subprotocol is None


async def ends(base):
    """The server answers a close with the same code, and closes with a code of its own."""
    client = await websockets.connect(f"{base}/echo")
    await client.close(4001, "bye")
    assert client.protocol.close_rcvd.code == 4001
    for path, message, code in [
        ("/echo", b"x" * (MIB + 1), 1009),
        ("/rooms/ends", b"binary", 1003),
        ("/rooms/ends", "x" * 4097, 1009),
        ("/rooms/ends", "/crash", 1011),
    ]:
        async with websockets.connect(base + path) as client:
            await client.send(message)
            try:
                raise AssertionError(await client.recv())
            except websockets.ConnectionClosed as closed:
                assert closed.rcvd.code == code, (path, closed)


async def chat(base):
    async with (
        websockets.connect(f"{base}/rooms/one?name=ada") as ada,
        websockets.connect(f"{base}/rooms/one?name=bob") as bob,
        websockets.connect(f"{base}/rooms/two?name=eve") as eve,
    ):
        # Each is a member when it gets an answer to its own message.
        for member in (ada, bob):
            await member.send("here")
            while json.loads(await member.recv())["text"] != "here":
                pass
        await ada.send("hello")
        for member in (ada, bob):
            while (said := json.loads(await member.recv()))["text"] != "hello":
                assert said["text"] == "here"
            assert said == {"from": "ada", "text": "hello"}
        await eve.send("alone")
        assert json.loads(await eve.recv()) == {"from": "eve", "text": "alone"}


async def main(port):
    base = f"ws://127.0.0.1:{port}"
    await subprotocols(base)
    await ends(base)
    await chat(base)
    print("ok")


asyncio.run(asyncio.wait_for(main(sys.argv[1]), 30))

"""Two members of a room, a third in another, and an echo."""

import asyncio
import json
import sys

import websockets


async def main(port):
    base = f"ws://127.0.0.1:{port}"
    async with websockets.connect(f"{base}/echo") as echo:
        for message in ["hello", "é" * 10_000, b"\x00\xff" * 10_000]:
            await echo.send(message)
            assert await echo.recv() == message
        await (await echo.ping())
    async with (
        websockets.connect(f"{base}/rooms/one") as ada,
        websockets.connect(f"{base}/rooms/one") as bob,
        websockets.connect(f"{base}/rooms/two") as eve,
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
            assert said.keys() >= {"from", "text"}
        await eve.send("alone")
        assert json.loads(await eve.recv())["text"] == "alone"
    print("ok")


asyncio.run(asyncio.wait_for(main(sys.argv[1]), 30))

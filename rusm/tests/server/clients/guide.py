"""Plays what docs/serving.md shows of its WebSocket and its feed: the lines of the one, each
with `>` if it is sent and `<` if it comes, and the text of the other."""

import asyncio
import sys
from http.client import HTTPConnection

import websockets


async def main(port, feed, *lines):
    def request(method, target):
        connection = HTTPConnection("127.0.0.1", port)
        connection.request(method, target)
        return connection.getresponse()

    stream = await asyncio.to_thread(request, "GET", "/feed")
    assert stream.status == 200
    async with websockets.connect(f"ws://127.0.0.1:{port}/live") as live:
        *lines, last = lines
        for line in lines:
            text = line[2:]
            if line.startswith("> "):
                await live.send(text)
            else:
                assert (came := await live.recv()) == text, came
        # The last result comes of a vote by somebody else.
        assert (await asyncio.to_thread(request, "POST", "/votes/tea")).status == 204
        assert (came := await live.recv()) == last[2:], came
    shown = await asyncio.to_thread(stream.read, len(feed))
    assert shown.decode() == feed, shown
    print("ok")


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 30))

"""Python's aiohttp: the ends of WebSockets, a chat, and Server-Sent Events as lines."""

import asyncio
import sys

from aiohttp import ClientSession, WSMsgType

MIB = 1024 * 1024


async def subprotocols(session):
    async with session.ws_connect("/echo", protocols=["x", "chat"]) as client:
        assert client.protocol == "chat"
    async with session.ws_connect("/echo", protocols=["x"]) as client:
        assert client.protocol is None


async def ends(session):
    """The server answers a close with the same code, and closes with a code of its own."""
    async with session.ws_connect("/echo") as client:
        await client.close(code=4001, message=b"bye")
        assert client.close_code == 4001
    for path, message, kind, code in [
        ("/echo", b"x" * (MIB + 1), WSMsgType.BINARY, 1009),
        ("/rooms/ends", b"binary", WSMsgType.BINARY, 1003),
        ("/rooms/ends", b"/crash", WSMsgType.TEXT, 1011),
    ]:
        async with session.ws_connect(path) as client:
            await client.send_frame(message, kind)
            closed = await client.receive()
            assert (closed.type, closed.data) == (WSMsgType.CLOSE, code), (path, closed)


async def chat(session):
    async with (
        session.ws_connect("/rooms/aio?name=ada") as ada,
        session.ws_connect("/rooms/aio?name=bob") as bob,
    ):
        # Each is a member when it gets an answer to its own message.
        for member in (ada, bob):
            await member.send_str("here")
            while (await member.receive_json())["text"] != "here":
                pass
        await bob.send_str("hello")
        for member in (ada, bob):
            while (said := await member.receive_json())["text"] != "hello":
                assert said["text"] == "here"
            assert said == {"from": "bob", "text": "hello"}


async def events(session):
    async with session.get("/ticks/3") as response:
        assert response.content_type == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-cache"
        assert await ids(response) == [1, 2, 3]
    async with session.get("/ticks/5", headers={"Last-Event-ID": "3"}) as response:
        assert await ids(response) == [4, 5]
    async with session.get("/ticks/5", headers={"Last-Event-ID": "5"}) as response:
        assert response.status == 204


async def feed(session):
    """A feed begins with what was said, or with what was said since."""
    first, second = await said_in_feed(session, None, 2)
    assert b"here" in first and b"here" in second
    last_id = int(second.split(b"id: ")[1].split()[0])
    (third,) = await said_in_feed(session, last_id, 1)
    assert b"hello" in third


async def said_in_feed(session, last_id, count):
    headers = {} if last_id is None else {"Last-Event-ID": str(last_id)}
    events = []
    async with session.get("/feed/aio", headers=headers) as response:
        while len(events) < count:
            event = await response.content.readuntil(b"\n\n")
            if b"data: " in event:
                events.append(event)
    return events


async def ids(response):
    lines = (await response.read()).splitlines()
    return [int(line.removeprefix(b"id: ")) for line in lines if line.startswith(b"id: ")]


async def main(port):
    async with ClientSession(f"http://127.0.0.1:{port}") as session:
        await subprotocols(session)
        await ends(session)
        await chat(session)
        await events(session)
        await feed(session)
    print("ok")


asyncio.run(asyncio.wait_for(main(sys.argv[1]), 30))

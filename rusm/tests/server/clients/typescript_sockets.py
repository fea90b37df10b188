"""Python's websockets, with connections whose processes are in TypeScript."""

import asyncio
import sys

import websockets


async def opened(base, name):
    client = await websockets.connect(f"{base}/echo?name={name}")
    assert await client.recv() == f"hello {name}"
    return client


async def closed_with(client):
    try:
        raise AssertionError(await client.recv())
    except websockets.ConnectionClosed as closed:
        return closed.rcvd.code, closed.rcvd.reason


async def main(base):
    one, two = await opened(base, "one"), await opened(base, "two")

    for message in ["text", "", "grün", b"\x00\xff" * 10_000]:
        await one.send(message)
        assert await one.recv() == message

    # What a module has is the connection's.
    for client, count in [(one, "5"), (two, "1")]:
        await client.send("count")
        assert await client.recv() == count

    # A timer that an earlier message has set, with no other message after it.
    await one.send("later")
    assert await one.recv() == "later"

    await one.send("all")
    for client in [one, two]:
        assert await client.recv() == "to all"

    # An exception ends its own connection.
    await one.send("boom")
    assert (await closed_with(one))[0] == 1011
    await two.send("still there")
    assert await two.recv() == "still there"

    await two.send("bye")
    assert await closed_with(two) == (4001, "as you wish")

    last = await opened(base, "last")
    await last.close(4002, "enough")


asyncio.run(main(f"ws://127.0.0.1:{sys.argv[1]}"))
print("ok")

"""The WebSockets and the streams of events of the app of RUSM 0.7."""

import asyncio
import http.client
import json
import sys
import time
import urllib.error
import urllib.request

import websockets


def ask(method, path, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{HTTP}{path}", body, method=method)
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.read()


def eventually(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def room(path, **options):
    return websockets.connect(f"ws://127.0.0.1:{WS}/rooms/{path}", **options)


async def closed(socket):
    try:
        while True:
            await socket.recv()
    except websockets.ConnectionClosed:
        return socket.close_code, socket.close_reason


async def rooms():
    headers = [("X-Colour", "red"), ("X-Colour", "blue")]
    options = {"additional_headers": headers, "subprotocols": ["other", "chat.v2", "chat.v1"]}
    async with room("one/ada?a=1&b=", **options) as ada:
        opened = json.loads(await ada.recv())
        assert opened.pop("peer") == "%s:%s" % ada.local_address[:2]
        writer = opened.pop("writer")
        assert opened.pop("subprotocol") == ada.subprotocol == "chat.v1"
        assert opened == {
            "method": "GET",
            "path": "/rooms/one/ada",
            "query": "a=1&b=",
            "params": [["name", "one"], ["member", "ada"]],
            "colours": [["x-colour", "red"], ["x-colour", "blue"]],
            "host": f"127.0.0.1:{WS}",
        }, opened

        for message in ["hello", "é" * 10_000, "", b"\xff\x00" * 10_000, b"\xff"]:
            await ada.send(message)
            assert await ada.recv() == message
        await ada.send("by-pid as bytes")
        assert await ada.recv() == b"as bytes"
        # A message is bytes to this SDK: only what it is answered with tells text from others.
        await ada.send(b"text")
        assert await ada.recv() == "text"
        await (await ada.ping())
        # Whoever knows its writer can write to it.
        ask("POST", f"/pids/{writer}", b"from elsewhere")
        assert await ada.recv() == b"from elsewhere"
        # It calls a service, whose answers come among further messages.
        for number in range(200):
            await ada.send(f"sum {number} 1")
        assert [await ada.recv() for _ in range(200)] == [str(n + 1) for n in range(200)]

        async with room("one/bob") as bob, room("two/eve") as eve:
            assert json.loads(await bob.recv())["subprotocol"] is None
            await eve.recv()
            await ada.send("say hello")
            assert await ada.recv() == await bob.recv() == "hello"
            await eve.send("say alone")
            assert await eve.recv() == "alone"
            assert ask("POST", "/tags/room:one", b"heard from an action") == b"2"
            assert await ada.recv() == await bob.recv() == "from an action"

            await bob.send("close enough of this")
            assert await closed(bob) == (4001, "enough of this")
            # One that vanishes is seen as well.
            eve.transport.abort()
            others = {"left bob", "left eve"}
            noted = lambda: others <= set(ask("GET", "/notes").decode().splitlines())
            await asyncio.to_thread(eventually, noted)
        assert ask("POST", "/tags/room:one", b"heard last") == b"1"
        assert await ada.recv() == "last"

    await asyncio.to_thread(eventually, lambda: "left ada" in ask("GET", "/notes").decode())
    assert ask("POST", "/tags/room:one", b"heard by nobody") == b"0"
    notes = ask("GET", "/notes").decode().splitlines()
    assert len(notes) == len(set(notes)), notes

    async with room("three/mad") as mad, room("three/sane") as sane:
        await mad.recv(), await sane.recv()
        await mad.send("panic")
        assert (await closed(mad))[0] == 1011
        await sane.send("still here")
        assert await sane.recv() == "still here"


class Feed:
    def __init__(self, path, headers={}):
        self.connection = http.client.HTTPConnection("127.0.0.1", SSE, timeout=20)
        self.connection.request("GET", f"/feeds/{path}", headers=headers)
        self.response = self.connection.getresponse()
        assert self.response.status == 200
        assert self.response.headers["content-type"] == "text/event-stream"
        assert self.response.headers["cache-control"] == "no-cache"
        assert self.response.headers["access-control-allow-origin"] == "*"

    def event(self):
        """The fields of the next event; `None` at the end."""
        fields = []
        while line := self.response.readline().decode():
            name, _, value = line.rstrip("\n").partition(":")
            if name:
                fields.append((name, value.removeprefix(" ")))
            elif fields and line == "\n":
                return fields
        assert not fields, "it was cut off"
        return None

    def leave(self):
        self.response.close()
        self.connection.close()


def has_left(name):
    def condition():
        try:
            return ask("GET", f"/kv/left/{name}") == b"yes"
        except urllib.error.HTTPError as error:
            assert error.code == 404
            return False

    return condition


async def feeds():
    first, second = Feed("a?x=1"), Feed("b", {"Last-Event-ID": "41"})
    greeting = {
        ("id", "7"),
        ("event", "greeting"),
        ("retry", "1500"),
        ("data", "one"),
        ("data", "two"),
    }
    for feed, opened in [(first, "/feeds/a?x=1 after nothing"), (second, "/feeds/b? after 41")]:
        assert set(feed.event()) == greeting
        assert feed.event() == [("data", opened)]
        [(_, writer)] = feed.event()
        ask("POST", f"/pids/{writer}", b"from elsewhere")
        assert feed.event() == [("data", "from elsewhere")]

    assert ask("POST", "/tags/feed:a", b"pushed\nin two lines") == b"1"
    assert first.event() == [("data", "pushed"), ("data", "in two lines")]
    for number in range(1000):
        ask("POST", "/tags/feed:b", str(number).encode())
        assert second.event() == [("data", str(number))]

    # The server ends the one, and the client the other.
    assert not has_left("a")() and not has_left("b")()
    ask("POST", "/tags/feed:a", b"close")
    assert first.event() == [("data", "the last")]
    assert first.event() is None
    eventually(has_left("a"))
    second.leave()
    eventually(has_left("b"))
    assert ask("POST", "/tags/feed:b", b"nobody") == b"0"

    mad = Feed("mad")
    [mad.event() for _ in range(3)]
    ask("POST", "/tags/feed:mad", b"panic")
    assert mad.event() is None
    assert not has_left("mad")()


def nobody(tag):
    return lambda: ask("POST", f"/tags/{tag}", b"anybody") == b"0"


async def gone():
    """Clients leave processes that don't look at their mail any more."""
    for order, count in [("spin", 0), ("spin", 5), ("spin", 100), ("tick", 0), ("tick", 100)]:
        async with room(f"{order}{count}/ada") as ada:
            await ada.recv()
            for message in [order] + count * ["more"]:
                await ada.send(message)
            if order == "tick":
                assert await ada.recv() == "tick"
            ada.transport.abort()
        await asyncio.to_thread(eventually, nobody(f"room:{order}{count}"))

        feed = Feed(f"{order}{count}")
        [feed.event() for _ in range(3)]
        for message in [order] + count * ["more"]:
            assert ask("POST", f"/tags/feed:{order}{count}", message.encode()) == b"1"
        if order == "tick":
            assert feed.event() == [("data", "tick")]
        feed.leave()
        await asyncio.to_thread(eventually, nobody(f"feed:{order}{count}"))


part, HTTP, SSE, WS = sys.argv[1], *map(int, sys.argv[2:])
PARTS = {"rooms": rooms, "feeds": feeds, "gone": gone}
asyncio.run(asyncio.wait_for(PARTS[part](), 60))
print("ok")

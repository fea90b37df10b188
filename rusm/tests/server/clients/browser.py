"""The page of examples/chat in Chromium: `browser.py PORT CASE`."""

import asyncio
import shutil
import sys
from contextlib import asynccontextmanager

from playwright.async_api import async_playwright, expect

from relay import Relay

# Longer than anything takes that works, on a busy machine.
PATIENCE_MS = 30_000


async def two_pages_chat(chromium, port):
    async with page(chromium, port, "ada") as ada, page(chromium, port, "bob") as bob:
        await ada.say("hello <b>bob</b>")
        await bob.heard("ada: hello <b>bob</b>")
        await bob.say("hello ada")
        for member in (ada, bob):
            await member.heard("ada: hello <b>bob</b>", "bob: hello ada")
            await expect(member.page.get_by_text("Here: ada, bob")).to_be_visible()
            await expect(member.page.get_by_label("Message")).to_have_value("")
            await member.has_no_errors()


async def a_page_that_is_reloaded_hears_on(chromium, port):
    async with page(chromium, port, "ada") as ada, page(chromium, port, "bob") as bob:
        await ada.say("before")
        await bob.heard("ada: before")
        await bob.page.reload()
        await bob.is_connected()
        await ada.say("after")
        await expect(bob.socket).to_have_text(["ada: after"])
        # The feed begins with what was said.
        await expect(bob.feed).to_have_text(["ada: before", "ada: after"])
        await ada.heard("ada: before", "ada: after")
        for member in (ada, bob):
            await member.has_no_errors()


async def a_room_that_crashed_is_restarted(chromium, port):
    """No connection is lost with the service, and it learns again who is there."""
    async with page(chromium, port, "ada") as ada, page(chromium, port, "bob") as bob:
        await ada.say("before")
        await bob.heard("ada: before")
        await ada.breaks("Crash the service")
        # Both have told the new one that they are there.
        await until(lambda: ada.has_members("ada", "bob"))
        await bob.say("after")
        for member in (ada, bob):
            await member.heard("ada: before", "bob: after")
            assert await member.closes() == [], member.name
            await member.has_no_errors()
        # What it knew is gone, and only that.
        await bob.page.reload()
        await expect(bob.feed).to_have_text(["bob: after"])


async def a_connection_that_crashed_is_made_again(chromium, port):
    """A trap closes one socket, with 1011, and nothing else."""
    async with page(chromium, port, "ada") as ada, page(chromium, port, "bob") as bob:
        await ada.breaks("Crash my connection")
        await until(lambda: ada.has_closes(1011))
        await ada.is_connected()
        await bob.say("still there?")
        await bob.heard("bob: still there?")
        await ada.say("again")
        for member in (ada, bob):
            await member.heard("bob: still there?", "ada: again")
        assert await bob.closes() == []
        for member in (ada, bob):
            await member.has_no_errors()


async def a_feed_that_was_cut_goes_on(chromium, port):
    async with (
        Relay(port) as relay,
        page(chromium, relay.port, "ada") as ada,
        page(chromium, port, "bob") as bob,
    ):
        await bob.say("1")
        await ada.heard("bob: 1")
        relay.is_up = False
        relay.cut()
        for text in ("2", "3"):
            await bob.say(text)
        await bob.heard("bob: 1", "bob: 2", "bob: 3")
        await expect(ada.page.get_by_text("connecting")).to_have_count(2)
        relay.is_up = True
        await ada.is_connected()
        await bob.say("4")
        await expect(ada.feed).to_have_text(["bob: 1", "bob: 2", "bob: 3", "bob: 4"])
        # The socket has no memory.
        await expect(ada.socket).to_have_text(["bob: 1", "bob: 4"])
        await bob.has_no_errors()


async def ticks_that_were_cut_go_on(chromium, port):
    """Cut twice or more, in the middle of an event; after the end, the browser hears that this was all."""
    count = 10_000
    async with (
        Relay(port, cut_after=100_000) as relay,
        page(chromium, relay.port, "ada") as ada,
    ):
        ticks = await ada.page.evaluate(
            """(count) => new Promise((resolve) => {
                const ticks = [];
                const source = new EventSource(`/ticks/${count}`);
                source.onmessage = ({ data, lastEventId }) => ticks.push([data, lastEventId]);
                source.onerror = () => {
                    if (source.readyState === EventSource.CLOSED) resolve(ticks);
                };
            })""",
            count,
        )
        assert ticks == [[str(tick)] * 2 for tick in range(1, count + 1)], ticks[-1]
        # A reset may take along what was on its way, and there are more.
        assert relay.cut_short >= 2, relay.cut_short


class Member:
    """Somebody in the room `tests`, with a page of it open."""

    def __init__(self, page, name):
        self.page = page
        self.name = name
        self.socket = page.get_by_role("log", name="WebSocket").locator("p")
        self.feed = page.get_by_role("log", name="Server-Sent Events").locator("p")
        self.errors = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console",
            lambda said: self.errors.append(said.text) if said.type == "error" else None,
        )

    async def is_connected(self):
        await expect(self.page.get_by_text("connected")).to_have_count(2)

    async def say(self, text):
        await self.page.get_by_label("Message").fill(text)
        await self.page.get_by_role("button", name="Send").click()

    async def breaks(self, what):
        await self.page.get_by_text("Break it").click()
        await self.page.get_by_role("button", name=what).click()

    async def heard(self, *said):
        """All that either log shows, in order."""
        for heard in (self.socket, self.feed):
            await expect(heard).to_have_text(list(said))

    async def closes(self):
        """The codes with which this page's WebSockets were closed."""
        return await self.page.evaluate("closes")

    async def has_closes(self, *codes):
        return await self.closes() == list(codes)

    async def has_members(self, *names):
        members = await self.page.request.get("/members/tests")
        return members.ok and sorted(await members.json()) == list(names)

    async def has_no_errors(self):
        assert self.errors == [], (self.name, self.errors)


@asynccontextmanager
async def page(chromium, port, name):
    context = await chromium.new_context(base_url=f"http://127.0.0.1:{port}")
    try:
        opened = await context.new_page()
        await opened.add_init_script(
            """
            globalThis.closes = [];
            globalThis.WebSocket = class extends WebSocket {
                constructor(...given) {
                    super(...given);
                    this.addEventListener("close", ({ code }) => closes.push(code));
                }
            };
            """
        )
        member = Member(opened, name)
        await opened.goto(f"/?room=tests&name={name}")
        await member.is_connected()
        yield member
    finally:
        await context.close()


async def until(condition):
    while not await condition():
        await asyncio.sleep(0.05)


async def main(port, case):
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            # Root, as in a container, has no sandbox.
            args=["--no-sandbox"],
        )
        try:
            async with asyncio.timeout(2 * PATIENCE_MS / 1000):
                await case(chromium, int(port))
        finally:
            await chromium.close()
    print("ok")


asyncio.run(main(sys.argv[1], globals()[sys.argv[2]]))

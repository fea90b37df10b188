"""The page of examples/todo-board in Chromium: `todo_board.py PORT CASE`.

The cases are of one board: `two_pages` leaves what `after_a_restart` finds.
"""

import asyncio
import shutil
import sys
from contextlib import asynccontextmanager

from playwright.async_api import async_playwright, expect

# Longer than anything takes that works, on a busy machine.
PATIENCE_MS = 30_000


async def two_pages(chromium, port):
    async with page(chromium, port, "ada") as ada, page(chromium, port, "bob") as bob:
        both = (ada, bob)
        for member in both:
            await member.sees()
        # By the key and by the button; markup is text, and what is around it goes.
        await ada.todo.fill("  buy <b>milk</b> & é ")
        await ada.todo.press("Enter")
        await bob.sees("buy <b>milk</b> & é")
        await bob.adds("feed the cat")
        await ada.adds("sleep")
        for member in both:
            await member.sees("buy <b>milk</b> & é", "feed the cat", "sleep")
            await expect(member.todo).to_have_value("")

        await ada.tick("feed the cat").click()
        await expect(bob.tick("feed the cat")).to_be_checked()
        await bob.tick("sleep").click()
        await expect(ada.tick("sleep")).to_be_checked()
        await ada.tick("sleep").click()
        await expect(bob.tick("sleep")).not_to_be_checked()
        await bob.deletes("buy <b>milk</b> & é")
        for member in both:
            await member.sees("feed the cat", "sleep")
            await expect(member.tick("feed the cat")).to_be_checked()

        await ada.says("hello <i>bob</i>")
        await bob.hears("ada: hello <i>bob</i>")
        await bob.says("hello ada")
        for member in both:
            await member.hears("ada: hello <i>bob</i>", "bob: hello ada")
            member.has_no_errors()


async def after_a_restart(chromium, port):
    """What was left is there, and goes on: no id is given twice."""
    async with page(chromium, port, "ada") as ada:
        await ada.sees("feed the cat", "sleep")
        await expect(ada.tick("feed the cat")).to_be_checked()
        await expect(ada.tick("sleep")).not_to_be_checked()
        await ada.deletes("sleep")
        await ada.adds("wake up")
        await ada.sees("feed the cat", "wake up")
        todos = await (await ada.page.request.get("/api/todos")).json()
        assert [todo["id"] for todo in todos] == [2, 4], todos
        # Nobody remembers what was said.
        await ada.hears()
        ada.has_no_errors()


class Member:
    """Somebody with a page of the board open."""

    def __init__(self, page, name):
        self.page = page
        self.name = name
        self.todo = page.get_by_label("New todo")
        self.todos = page.get_by_role("list", name="Todos").locator("label")
        self.chat = page.get_by_role("log", name="Chat").locator("p")
        self.errors = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console",
            lambda said: self.errors.append(said.text) if said.type == "error" else None,
        )

    async def is_connected(self):
        await expect(self.page.get_by_text("connected")).to_have_count(2)

    async def adds(self, title):
        await self.todo.fill(title)
        await self.page.get_by_role("button", name="Add").click()

    def tick(self, title):
        return self.page.get_by_role("checkbox", name=title)

    async def deletes(self, title):
        await self.page.get_by_role("button", name=f"Delete {title}").click()

    async def says(self, text):
        await self.page.get_by_label("Message").fill(text)
        await self.page.get_by_role("button", name="Send").click()

    async def sees(self, *titles):
        """All todos, in order."""
        await expect(self.todos).to_have_text(list(titles))

    async def hears(self, *said):
        """All of the chat, in order."""
        await expect(self.chat).to_have_text(list(said))

    def has_no_errors(self):
        assert self.errors == [], (self.name, self.errors)


@asynccontextmanager
async def page(chromium, port, name):
    context = await chromium.new_context(base_url=f"http://127.0.0.1:{port}")
    try:
        member = Member(await context.new_page(), name)
        await member.page.goto(f"/?name={name}")
        await member.is_connected()
        yield member
    finally:
        await context.close()


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

"""Chromium: fetch, WebSocket and EventSource of a page that the server has served."""

import asyncio
import shutil

from playwright.async_api import async_playwright

from cells import EVENT, FEED, PATIENCE_S, SIZES, TOO_LARGE, WAYS, cell

# What a page does; each is called with an object of what it needs, and gives its answer or throws.
PAGE = """
    const body = (size) => new Uint8Array(size).map((_, at) => at);
    const same = (came, sent) => {
        if (came.length !== sent.length || came.some((one, at) => one !== sent[at]))
            throw new Error(`${came.length} of ${sent.length} came back`);
    };
    const once = (target, name) => new Promise((resolve, reject) => {
        target.addEventListener(name, resolve, { once: true });
        target.addEventListener("error", () => reject(new Error("an error event")), { once: true });
        target.addEventListener("close", ({ code }) => reject(new Error(`closed with ${code}`)), { once: true });
    });
    const connect = async (path) => {
        const socket = new WebSocket(path);
        socket.binaryType = "arraybuffer";
        await once(socket, "open");
        return socket;
    };

    globalThis.post = async ({ path, size }) => {
        const response = await fetch(path, { method: "POST", body: body(size) });
        same(new Uint8Array(await response.arrayBuffer()), body(size));
    };
    // A Blob, which the tools around the page do not copy.
    globalThis.statusOf = async ({ path, size }) =>
        (await fetch(path, { method: "POST", body: new Blob([new Uint8Array(size)]) })).status;
    globalThis.first = async ({ path, size }) => {
        const socket = await connect(path);
        socket.send(body(size));
        same(new Uint8Array((await once(socket, "message")).data), body(size));
        socket.close();
    };
    globalThis.later = async ({ path, size }) => {
        globalThis.socket ??= await connect(path);
        const text = "x".repeat(size);
        socket.send(text);
        if ((await once(socket, "message")).data !== text) throw new Error("it differs");
    };
    globalThis.hear = async ({ path }) => {
        const source = new EventSource(path);
        const { data } = await once(source, "message");
        source.close();
        return data;
    };
"""


async def cells(way, page):
    async def does(function, **given):
        async with asyncio.timeout(PATIENCE_S):
            return await page.evaluate(f"given => {function}(given)", given)

    for size in SIZES:
        with cell(way, "kept", size):
            await does("post", path=way.echo("kept"), size=size)
    for kind in ("first", "later"):
        for size in SIZES:
            with cell(way, kind, size):
                await does(kind, path=way.ws + way.echo(kind), size=size)
    with cell(way, "events"):
        assert EVENT.decode() in await does("hear", path=FEED)
    with cell(way, "refused", TOO_LARGE):
        status = await does("statusOf", path=way.echo("refused"), size=TOO_LARGE)
        assert status == 413, status


async def main():
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            # Root, as in a container, has no sandbox.
            args=["--no-sandbox"],
        )
        for way in WAYS:
            page = await chromium.new_page()
            await page.add_init_script(PAGE)
            await page.goto(way.http)
            await cells(way, page)
        await chromium.close()


asyncio.run(main())

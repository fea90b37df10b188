"""httpx: a pool of connections, used by many tasks at once."""

import asyncio

import httpx

from cells import EVENT, FEED, PATIENCE_S, SIZES, TOO_LARGE, WAYS, body, cell, same


def pool(way):
    return httpx.AsyncClient(base_url=way.http, timeout=PATIENCE_S)


async def echoes(client, way, kind, size):
    response = await client.post(way.echo(kind), content=body(size))
    assert response.status_code == 200, response
    same(response.content, body(size))


async def many_at_once(client):
    async def user(number):
        response = await client.get(f"/users/{number}")
        assert (response.status_code, response.text) == (200, f"user {number}\n")

    await asyncio.gather(*(user(number) for number in range(120)))


async def parts():
    for _ in range(20):
        yield b"part" * 100


async def main():
    for way in WAYS:
        for size in SIZES:
            with cell(way, "fresh", size):
                async with pool(way) as client:
                    await echoes(client, way, "fresh", size)
        async with pool(way) as client:
            for size in SIZES:
                with cell(way, "kept", size):
                    await echoes(client, way, "kept", size)
            with cell(way, "talk"):
                await many_at_once(client)
                response = await client.post("/echo", content=parts(), headers={"content-type": "a/b"})
                same(response.content, b"part" * 2000)
                assert response.headers["content-type"] == "a/b"
                assert (await client.get("/boom")).status_code == 500
                assert (await client.get("/")).text == "Hello from RUSM\n"
            with cell(way, "events"):
                async with client.stream("GET", FEED) as response:
                    async for line in response.aiter_lines():
                        if EVENT.decode() in line:
                            break
            with cell(way, "refused", TOO_LARGE):
                response = await client.post(way.echo("refused"), content=body(TOO_LARGE))
                assert response.status_code == 413, response


asyncio.run(main())

"""httpx: a pool of connections, used by many tasks at once."""
import asyncio
import sys

import httpx


async def main():
    base = f"http://127.0.0.1:{sys.argv[1]}"
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:
        async def user(number):
            response = await client.get(f"/users/{number}")
            assert (response.status_code, response.text) == (200, f"user {number}\n")

        await asyncio.gather(*(user(number) for number in range(500)))

        async def parts():
            for _ in range(20):
                yield b"part" * 100

        response = await client.post("/echo", content=parts(), headers={"content-type": "a/b"})
        assert response.content == b"part" * 2000
        assert response.headers["content-type"] == "a/b"
        assert (await client.get("/boom")).status_code == 500
        assert (await client.get("/")).text == "Hello from RUSM\n"


asyncio.run(main())
print("ok")

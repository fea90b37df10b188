"""A relay to the server, whose connections can be cut: a network that fails."""

import asyncio


class Relay:
    """Listens on `port` while it is entered, and passes on what comes to the port `to`."""

    def __init__(self, to, cut_after=None):
        self.to = to
        # So many bytes of the server's, each connection is cut.
        self.cut_after = cut_after
        # While it is not, new connections are cut at once.
        self.is_up = True
        # How many connections have had their `cut_after`.
        self.cut_short = 0
        self.open = set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()
        self.cut()

    def cut(self):
        for writer in self.open:
            writer.transport.abort()

    async def _relay(self, reader, writer):
        if not self.is_up:
            return writer.transport.abort()
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.to)
        pair = {writer, server_writer}
        self.open |= pair
        try:
            to_server = asyncio.create_task(_copy(reader, server_writer))
            if await _copy(server_reader, writer, self.cut_after):
                self.cut_short += 1
            to_server.cancel()
        finally:
            self.open -= pair
            for end in pair:
                end.transport.abort()


async def _copy(source, sink, limit=None):
    """Copies until either has gone, or `limit` bytes have passed: then it is true."""
    passed = 0
    try:
        while chunk := await source.read(4096):
            if limit is not None:
                chunk = chunk[: limit - passed]
            sink.write(chunk)
            await sink.drain()
            passed += len(chunk)
            if passed == limit:
                return True
        sink.write_eof()
    except OSError:
        pass
    return False

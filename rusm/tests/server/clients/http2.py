"""HTTP/2 frame by frame: what a client may not do, what it may do too much of, and who pays for it.

Takes a port of examples/hello and one of the stock components."""

import socket
import struct
import sys
import threading
import time

import hpack
from hyperframe.frame import (
    ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, PriorityFrame,
    RstStreamFrame, SettingsFrame, WindowUpdateFrame,
)

HELLO, STOCK = int(sys.argv[1]), int(sys.argv[2])
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR = 0, 1, 3, 5, 6
REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 7, 8, 9, 11


def get(path="/", method="GET", *more):
    return [(":method", method), (":scheme", "http"), (":path", path), (":authority", "h.test"), *more]


class Peer:
    """A connection on which the tests say what is sent."""

    def __init__(self, port=HELLO, settings=None, window=None):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.received, self.next, self.acknowledges = b"", 1, True
        self.raw(PREFACE)
        self.send(SettingsFrame(0, settings=settings or {}))
        if window:
            self.send(WindowUpdateFrame(0, window_increment=window))
        self.settings = self.until(SettingsFrame).settings
        self.window = self.settings[SettingsFrame.INITIAL_WINDOW_SIZE]

    def raw(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def send(self, *frames):
        self.raw(b"".join(frame.serialize() for frame in frames))

    def headers(self, fields, flags=("END_HEADERS", "END_STREAM"), stream=None):
        stream = stream or self.next
        self.next = max(self.next, stream + 2)
        frame = HeadersFrame(stream, self.encoder.encode(fields))
        [frame.flags.add(flag) for flag in flags]
        self.send(frame)
        return stream

    def open(self, fields):
        return self.headers(fields, ["END_HEADERS"])

    def data(self, stream, data, end=False):
        frame = DataFrame(stream, data)
        if end:
            frame.flags.add("END_STREAM")
        self.send(frame)

    def frame(self):
        """The next frame, or None at the end."""
        while True:
            if len(self.received) >= 9:
                head, length = Frame.parse_frame_header(memoryview(self.received[:9]))
                if len(self.received) >= 9 + length:
                    head.parse_body(memoryview(self.received[9:9 + length]))
                    self.received = self.received[9 + length:]
                    if isinstance(head, SettingsFrame) and "ACK" not in head.flags and self.acknowledges:
                        self.send(SettingsFrame(0, flags=["ACK"]))
                    if isinstance(head, PingFrame) and "ACK" not in head.flags and self.acknowledges:
                        self.send(PingFrame(0, head.opaque_data, flags=["ACK"]))
                    if isinstance(head, HeadersFrame):
                        head.fields = dict(self.decoder.decode(head.data))
                    return head
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.received += more

    def until(self, kind, stream=None):
        """The next frame of this kind; others are skipped."""
        while (frame := self.frame()) is not None:
            if isinstance(frame, kind) and stream in (None, frame.stream_id):
                return frame
        raise AssertionError(f"the end came before {kind} on {stream}")

    def response(self, stream):
        """Status, fields, content and trailers."""
        fields, content, trailers = None, b"", {}
        while (frame := self.frame()) is not None:
            if frame.stream_id != stream:
                continue
            if isinstance(frame, RstStreamFrame):
                raise AssertionError(f"stream {stream} was reset with {frame.error_code} after {content[:80]}")
            if isinstance(frame, HeadersFrame):
                if fields is None and frame.fields[":status"][0] != "1":
                    fields = frame.fields
                elif fields is not None:
                    trailers = frame.fields
            if isinstance(frame, DataFrame):
                content += frame.data
                if frame.flow_controlled_length:
                    self.send(WindowUpdateFrame(0, window_increment=frame.flow_controlled_length))
                    if "END_STREAM" not in frame.flags:
                        self.send(WindowUpdateFrame(stream, window_increment=frame.flow_controlled_length))
            if "END_STREAM" in getattr(frame, "flags", ()):
                return int(fields[":status"]), fields, content, trailers
        raise AssertionError(f"the end came amid stream {stream}")

    def ends(self, *codes):
        """The connection ends, and the client is told this reason."""
        frame = self.until(GoAwayFrame)
        assert frame.error_code in codes, f"GOAWAY with {frame.error_code}, not {codes}"
        while self.frame() is not None:
            pass

    def resets(self, stream, *codes):
        frame = self.until(RstStreamFrame, stream)
        assert frame.error_code in codes, f"reset with {frame.error_code}, not {codes}"

    def lives(self):
        assert self.response(self.headers(get()))[0] == 200


def malformed_heads_end_their_stream_alone():
    peer = Peer()
    for fields in [
        [(":scheme", "http"), (":path", "/"), (":authority", "h")],
        [(":method", "GET"), (":path", "/"), (":authority", "h")],
        [(":method", "GET"), (":scheme", "http"), (":authority", "h")],
        [(":method", "GET"), (":scheme", "http"), (":path", ""), (":authority", "h")],
        get() + [(":method", "GET")],
        get() + [(":status", "200")],
        [("a", "b")] + get(),
        get() + [("connection", "close")],
        get() + [("keep-alive", "1")],
        get() + [("proxy-connection", "a")],
        get() + [("transfer-encoding", "chunked")],
        get() + [("upgrade", "h2c")],
        get() + [("te", "gzip")],
        get() + [("content-length", "1")],
        get() + [("content-length", "x")],
        get("http://h/"),
    ]:
        peer.resets(peer.headers(fields), PROTOCOL_ERROR)
    peer.lives()
    # With these, some end the connection.
    for field in [(":unknown", "a"), ("Upper", "a"), ("a b", "c"), ("a", "b\r\nc: d")]:
        peer = Peer()
        peer.headers(get() + [field])
        frame = peer.until((RstStreamFrame, GoAwayFrame))
        assert frame.error_code in (PROTOCOL_ERROR, COMPRESSION_ERROR), (field, frame)


def heads_that_are_no_request_of_ours_are_refused():
    peer = Peer()
    for fields, status in [
        ([(":method", "GET"), (":scheme", "http"), (":path", "/")], 400),
        (get() + [("host", "other.test")], 400),
        (get() + [("a", " b")], 400),
        (get("/" + "a" * 9000), 414),
        (get() + [(f"h{i}", "a") for i in range(101)], 431),
        (get() + [("big", "a" * 3000)] * 12, 431),
        ([(":method", "CONNECT"), (":authority", "h:443")], 501),
        (get("/", "PUT"), 405),
        (get("/nowhere"), 404),
        (get() + [("expect", "tea")], 417),
    ]:
        try:
            got = peer.response(peer.headers(fields))[0]
        except AssertionError as error:
            raise AssertionError(f"{fields[:6]}: {error}") from error
        assert got == status, f"{str(fields)[:200]}: {got}, not {status}"
    peer.lives()


def the_service_sees_one_request():
    peer = Peer()
    more = [("cookie", "a=1"), ("x", "1"), ("cookie", "b=2"), ("host", "H.test"), ("te", "trailers")]
    status, fields, content, _ = peer.response(peer.headers(get("/headers") + more))
    text = content.decode()
    assert status == 200 and "date" in fields, fields
    assert "a=1; b=2" in text and text.count("host") == 1 and "h.test" in text, text


def content_of_every_size_comes_back():
    peer = Peer()
    for size in [0, 1, 16384, 70000, 400000]:
        body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        stream = peer.open(get("/echo", "POST"))
        window = peer.window
        for at in range(0, size, 16384):
            piece = body[at:at + 16384]
            while window < len(piece):
                window += peer.until(WindowUpdateFrame, stream).window_increment
            peer.data(stream, piece)
            window -= len(piece)
        peer.data(stream, b"", True)
        status, fields, content, _ = peer.response(stream)
        assert (status, content) == (200, body), (size, status, len(content))
        assert int(fields["content-length"]) == size


def content_is_as_long_as_it_says():
    peer = Peer()
    for sent in [b"ab", b"abcd"]:
        stream = peer.open(get("/echo", "POST", ("content-length", "3")))
        peer.data(stream, sent, True)
        peer.resets(stream, PROTOCOL_ERROR)
    stream = peer.open(get("/echo", "POST", ("content-length", "3000000000")))
    assert peer.response(stream)[0] == 413
    peer.lives()


def content_beyond_the_limit_is_refused():
    peer = Peer()
    stream = peer.open(get("/echo", "POST"))
    sent, window = 0, peer.window
    while sent <= 1 << 20:
        while window < 16384:
            window += peer.until(WindowUpdateFrame, stream).window_increment
        peer.data(stream, b"x" * 16384)
        sent, window = sent + 16384, window - 16384
    assert peer.response(stream)[0] == 413
    peer.resets(stream, NO_ERROR)
    peer.lives()


def head_has_no_content():
    peer = Peer(STOCK)
    status, fields, content, _ = peer.response(peer.headers(get("/hello", "HEAD")))
    assert (status, content) == (200, b""), status


def trailers_go_both_ways():
    peer = Peer(STOCK)
    takes = ("te", "trailers")
    _, _, content, trailers = peer.response(peer.headers(get("/bodies/trailers", "GET", takes)))
    assert content == b"a body with trailers\n" and trailers["x-digest"] == "abc", trailers
    _, _, content, trailers = peer.response(peer.headers(get("/bodies/trailers")))
    assert content == b"a body with trailers\n" and trailers == {}, trailers
    stream = peer.open(get("/bodies/duplex", "POST", takes))
    peer.data(stream, b"abc")
    peer.headers([("x-sum", "1")], stream=stream)
    _, _, content, trailers = peer.response(stream)
    assert content == b"begun\nabc" and trailers == {"x-sum": "1"}, (content, trailers)
    for forbidden in ["host", "content-length"]:
        stream = peer.open(get("/echo/digest", "POST"))
        peer.headers([(forbidden, "1")], stream=stream)
        frame = peer.until((RstStreamFrame, HeadersFrame), stream)
        assert isinstance(frame, RstStreamFrame) or frame.fields[":status"] == "400", frame


def a_fault_ends_its_stream_alone():
    peer = Peer()
    assert peer.response(peer.headers(get("/boom")))[0] == 500
    peer.lives()


def a_slow_stream_stops_only_itself():
    peer = Peer(STOCK, window=1 << 30)
    slow = peer.headers(get("/bodies/large/1000000000"))
    received = 0
    while received < 65535:
        received += len(peer.until(DataFrame, slow).data)
    for _ in range(20):
        assert peer.response(peer.headers(get("/hello")))[0] == 200
    assert received == 65535, received
    peer.send(WindowUpdateFrame(slow, window_increment=100_000))
    while received < 165535:
        received += len(peer.until(DataFrame, slow).data)
    peer.send(RstStreamFrame(slow, error_code=CANCEL))
    peer.response(peer.headers(get("/hello")))


def a_request_waits_for_its_consumer():
    # The component never reads: no more comes than the window of the stream.
    peer = Peer(STOCK)
    stream = peer.open(get("/bodies/early/3000", "POST"))
    sent, credit = 0, peer.window
    peer.socket.settimeout(0.5)
    try:
        while sent < 2_000_000:
            if credit >= 16384:
                peer.data(stream, b"x" * 16384)
                sent, credit = sent + 16384, credit - 16384
            else:
                credit += peer.until(WindowUpdateFrame, stream).window_increment
    except TimeoutError:
        pass
    assert 200_000 < sent < 600_000, sent
    peer.socket.settimeout(10)
    assert peer.response(peer.headers(get("/hello")))[0] == 200


def an_answer_may_come_before_the_content():
    peer = Peer()
    stream = peer.open(get("/nowhere", "POST"))
    assert peer.response(stream)[0] == 404
    peer.resets(stream, NO_ERROR)
    peer.data(stream, b"x" * 1000)
    peer.lives()


def too_many_streams_are_refused():
    peer = Peer(STOCK)
    limit = peer.settings[SettingsFrame.MAX_CONCURRENT_STREAMS]
    assert limit == 128, limit
    streams = [peer.open(get("/echo/body", "POST")) for _ in range(limit + 1)]
    peer.resets(streams[-1], REFUSED_STREAM, PROTOCOL_ERROR)
    for stream in streams[:-1]:
        peer.data(stream, b"a", True)
    assert peer.response(streams[-2])[2] == b"a"


def frames_that_break_the_protocol_end_the_connection():
    def frame(kind, flags, stream, payload):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    for name, sent, *codes in [
        ("DATA on stream 0", frame(0, 0, 0, b"a"), PROTOCOL_ERROR),
        ("DATA on an idle stream", frame(0, 0, 1, b"a"), PROTOCOL_ERROR),
        ("HEADERS on stream 0", frame(1, 5, 0, b"\x82"), PROTOCOL_ERROR),
        ("HEADERS on an even stream", frame(1, 5, 2, b"\x82"), PROTOCOL_ERROR),
        ("padding longer than the frame", frame(1, 13, 1, b"\xff\x82"), PROTOCOL_ERROR),
        ("an index that is not there", frame(1, 5, 1, b"\xff\xff\x03"), COMPRESSION_ERROR, PROTOCOL_ERROR),
        ("RST_STREAM on an idle stream", frame(3, 0, 1, b"\0\0\0\x08"), PROTOCOL_ERROR),
        ("RST_STREAM of 3 bytes", frame(3, 0, 1, b"\0\0\0"), FRAME_SIZE_ERROR, PROTOCOL_ERROR),
        ("SETTINGS on a stream", frame(4, 0, 1, b""), PROTOCOL_ERROR),
        ("SETTINGS of 5 bytes", frame(4, 0, 0, b"\0" * 5), FRAME_SIZE_ERROR, PROTOCOL_ERROR),
        ("SETTINGS with ACK and more", frame(4, 1, 0, b"\0" * 6), FRAME_SIZE_ERROR, PROTOCOL_ERROR),
        ("a window too large", frame(4, 0, 0, b"\0\x04\xff\xff\xff\xff"), FLOW_CONTROL_ERROR, PROTOCOL_ERROR),
        ("a frame size too small", frame(4, 0, 0, b"\0\x05\0\0\0\x01"), PROTOCOL_ERROR),
        ("PUSH_PROMISE of a client", frame(5, 4, 1, b"\0\0\0\x02\x82"), PROTOCOL_ERROR),
        ("PING of 7 bytes", frame(6, 0, 0, b"\0" * 7), FRAME_SIZE_ERROR, PROTOCOL_ERROR),
        ("PING on a stream", frame(6, 0, 1, b"\0" * 8), PROTOCOL_ERROR),
        ("GOAWAY on a stream", frame(7, 0, 1, b"\0" * 8), PROTOCOL_ERROR),
        ("WINDOW_UPDATE of nothing", frame(8, 0, 0, b"\0" * 4), PROTOCOL_ERROR),
        ("WINDOW_UPDATE beyond 2^31-1", frame(8, 0, 0, b"\x7f\xff\xff\xff"), FLOW_CONTROL_ERROR),
        ("WINDOW_UPDATE on an idle stream", frame(8, 0, 1, b"\0\0\0\x01"), PROTOCOL_ERROR),
        ("CONTINUATION without HEADERS", frame(9, 4, 1, b"\x82"), PROTOCOL_ERROR),
        ("HEADERS amid HEADERS", frame(1, 1, 1, b"\x82") + frame(1, 5, 3, b"\x82"), PROTOCOL_ERROR),
        ("a frame too large", frame(0, 0, 1, b"\0" * 16385), FRAME_SIZE_ERROR, PROTOCOL_ERROR),
    ]:
        peer = Peer()
        peer.raw(sent)
        try:
            peer.ends(*codes)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def what_is_not_known_is_ignored():
    peer = Peer(settings={0x99: 7})
    peer.raw(b"\0\0\x03\xee\xff\0\0\0\0abc")
    peer.send(PriorityFrame(1, depends_on=0, stream_weight=1))
    peer.send(PingFrame(0, b"12345678"))
    assert peer.until(PingFrame).opaque_data == b"12345678"
    peer.lives()


def content_beyond_the_window_is_an_error():
    peer = Peer(STOCK)
    stream = peer.open(get("/bodies/early/3000", "POST"))
    for _ in range(40):
        peer.data(stream, b"x" * 16384)
    frame = peer.until((GoAwayFrame, RstStreamFrame))
    assert frame.error_code == FLOW_CONTROL_ERROR, frame


def headers_without_end_are_cut_off():
    peer = Peer()
    frame = HeadersFrame(1, peer.encoder.encode(get()))
    peer.send(frame)
    block = hpack.Encoder().encode([("x" * 20, "y" * 1000)])
    for _ in range(2000):
        peer.send(ContinuationFrame(1, block))
    peer.ends(ENHANCE_YOUR_CALM, PROTOCOL_ERROR, COMPRESSION_ERROR)


def empty_continuations_are_cut_off():
    peer = Peer()
    peer.send(HeadersFrame(1, peer.encoder.encode(get())))
    peer.raw(ContinuationFrame(1, b"").serialize() * 200_000)
    peer.ends(ENHANCE_YOUR_CALM, PROTOCOL_ERROR)


def flood(make, count=100_000):
    peer = Peer()
    data = b"".join(frame.serialize() for frame in make)
    sent = 0
    peer.socket.settimeout(0.2)
    # It does not read what it is answered, as one that means harm.
    for _ in range(count * 20 // len(data) + 1):
        try:
            peer.socket.sendall(data)
            sent += len(data)
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            break
    peer.socket.settimeout(10)
    peer.ends(ENHANCE_YOUR_CALM)


def floods_of_small_frames_are_cut_off():
    flood([PriorityFrame(1, depends_on=0, stream_weight=1)] * 1000)
    flood([WindowUpdateFrame(0, window_increment=1)] * 1000)


def floods_that_ask_for_answers_are_cut_off():
    for frame in [PingFrame(0, b"12345678"), SettingsFrame(0, settings={1: 4096})]:
        peer = Peer()
        peer.acknowledges = False
        data = frame.serialize() * 100_000
        sending = threading.Thread(target=peer.raw, args=[data])
        sending.start()
        peer.ends(ENHANCE_YOUR_CALM)
        sending.join()


def rapid_resets_are_cut_off():
    peer = Peer()
    for _ in range(100):
        block = b""
        for _ in range(100):
            frame = HeadersFrame(peer.next, peer.encoder.encode(get("/spin")), flags=["END_HEADERS", "END_STREAM"])
            block += frame.serialize() + RstStreamFrame(peer.next, error_code=CANCEL).serialize()
            peer.next += 2
        peer.raw(block)
    peer.ends(ENHANCE_YOUR_CALM)
    Peer().lives()


def a_client_may_change_its_mind():
    peer = Peer(STOCK)
    for _ in range(50):
        stream = peer.headers(get("/bodies/early/3000"))
        peer.until(HeadersFrame, stream)
        peer.send(RstStreamFrame(stream, error_code=CANCEL))
    assert peer.response(peer.headers(get("/hello")))[0] == 200


def a_preface_that_is_none_ends_the_connection():
    client = socket.create_connection(("127.0.0.1", HELLO))
    client.settimeout(10)
    client.sendall(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + b"\0" * 9)
    while client.recv(4096):
        pass


tests = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__module__", None) == "__main__"
         and name not in ("get", "flood", "Peer")]
for test in tests:
    if len(sys.argv) > 3 and test.__name__ not in sys.argv[3:]:
        continue
    began = time.monotonic()
    try:
        test()
    except Exception as error:
        print(f"{test.__name__}: {type(error).__name__}: {error}", file=sys.stderr)
        if len(sys.argv) == 3:
            raise
    print(f"{test.__name__} {time.monotonic() - began:.2f}", file=sys.stderr)
print("ok")

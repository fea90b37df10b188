"""Python's http.client: blocking, and it sends all of a request before it reads."""

import json
from http.client import HTTPConnection

from cells import EVENT, FEED, PATIENCE_S, SIZES, TOO_LARGE, WAYS, body, cell, same


def connect(way):
    return HTTPConnection("127.0.0.1", way.port, timeout=PATIENCE_S)


def ask(connection, method, path, sent=None, headers={}):
    connection.request(method, path, body=sent, headers=headers)
    response = connection.getresponse()
    return response.status, response.getheader("content-type"), response.read()


def echoes(connection, way, kind, size):
    status, _, came = ask(connection, "POST", way.echo(kind), body(size))
    assert status == 200, status
    same(came, body(size))


def conversation(connection):
    assert ask(connection, "GET", "/") == (200, "text/plain; charset=utf-8", b"Hello from RUSM\n")
    assert ask(connection, "HEAD", "/")[2] == b""
    assert ask(connection, "GET", "/users/J%C3%BCrgen")[2] == "user Jürgen\n".encode()
    sent = body(256_000)
    assert ask(connection, "POST", "/echo", sent, {"content-type": "a/b"}) == (200, "a/b", sent)
    chunks = (sent[at : at + 999] for at in range(0, len(sent), 999))
    chunked = {"transfer-encoding": "chunked"}
    connection.request("POST", "/echo", body=chunks, encode_chunked=True, headers=chunked)
    same(connection.getresponse().read(), sent)
    assert json.loads(ask(connection, "GET", "/headers", headers={"x-a": "b"})[2])["x-a"] == "b"
    assert ask(connection, "GET", "/boom")[0] == 500
    assert ask(connection, "GET", "/nowhere")[0] == 404
    assert ask(connection, "PUT", "/")[0] == 405
    assert ask(connection, "GET", "/")[0] == 200


def events(way):
    stream = connect(way)
    stream.request("GET", FEED)
    response = stream.getresponse()
    while EVENT not in (line := response.readline()):
        assert line, "the feed has ended"
    stream.close()


for way in WAYS:
    for size in SIZES:
        with cell(way, "fresh", size):
            echoes(connect(way), way, "fresh", size)
    connection = connect(way)
    for size in SIZES:
        with cell(way, "kept", size):
            echoes(connection, way, "kept", size)
    with cell(way, "talk"):
        conversation(connect(way))
    with cell(way, "events"):
        events(way)
    with cell(way, "refused", TOO_LARGE):
        status, _, _ = ask(connect(way), "POST", way.echo("refused"), body(TOO_LARGE))
        assert status == 413, status

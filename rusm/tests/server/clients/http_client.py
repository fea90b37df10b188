"""Python's http.client: one connection, several requests on it."""
import http.client
import json
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)


def ask(method, path, body=None, headers={}):
    connection.request(method, path, body=body, headers=headers)
    response = connection.getresponse()
    return response.status, response.getheader("content-type"), response.read()


assert ask("GET", "/") == (200, "text/plain; charset=utf-8", b"Hello from RUSM\n")
assert ask("HEAD", "/")[2] == b""
assert ask("GET", "/users/J%C3%BCrgen")[2] == "user Jürgen\n".encode()
body = bytes(range(256)) * 1000
assert ask("POST", "/echo", body, {"content-type": "a/b"}) == (200, "a/b", body)
chunks = (body[at : at + 999] for at in range(0, len(body), 999))
connection.request("POST", "/echo", body=chunks, encode_chunked=True, headers={"transfer-encoding": "chunked"})
assert connection.getresponse().read() == body
assert json.loads(ask("GET", "/headers", headers={"x-a": "b"})[2])["x-a"] == "b"
assert ask("GET", "/boom")[0] == 500
assert ask("GET", "/nowhere")[0] == 404
assert ask("PUT", "/")[0] == 405
assert ask("GET", "/")[0] == 200
print("ok")

# SPDX-License-Identifier: Apache-2.0
"""A node of the Monero kind on loopback, with a block every two minutes."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FIRST_S, STEP_S, TOP = 1_600_000_000, 120, 2_000


class Node(BaseHTTPRequestHandler):
    """A monerod with a block every two minutes, as far as its headers go."""

    def do_POST(self):
        server = self.server
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.asked.append((self.path, asked["method"], asked["params"]))
        if server.answer is not None:
            server.answer(self)
            return
        parameters = asked["params"]
        if asked["method"] == "get_last_block_header":
            result = {"block_header": header(TOP)}
        elif asked["method"] == "get_block_header_by_height":
            result = {"block_header": header(parameters["height"])}
        else:
            assert asked["method"] == "get_block_headers_range"
            span = range(parameters["start_height"], parameters["end_height"] + 1)
            result = {"headers": [header(height) for height in span]}
        reply(self, json.dumps({"jsonrpc": "2.0", "id": "0", "result": result}).encode())

    def log_message(self, *_):
        """Say nothing."""


def header(height):
    return {"height": height, "timestamp": FIRST_S + STEP_S * height, "hash": "00" * 32}


def reply(handler, body, status=200, **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def serving():
    """Run a node for as long as it is needed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Node)
    server.asked, server.answer = [], None
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

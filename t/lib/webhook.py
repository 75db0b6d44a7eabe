#!/usr/bin/env python3
"""A receiver of webhooks: webhook.py LOG ANSWERS [CERTIFICATE [PORT]]

Prints its port.  Each call is appended to LOG as a line of JSON.  ANSWERS holds
a JSON list of {"status", "delay", "headers"}, which is read at each call: the
first ones are taken in turn, the last one stays; without the file it is 200.
With CERTIFICATE (a PEM file with its key) it speaks TLS.
"""

import base64
import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

log_path, answers_path = sys.argv[1:3]
lock = threading.Lock()
count = 0


def answer():
    try:
        with open(answers_path) as file:
            answers = json.load(file)
    except FileNotFoundError:
        return {"status": 200}
    first = answers[0]
    if len(answers) > 1:
        with open(answers_path, "w") as file:
            json.dump(answers[1:], file)
    return first


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global count
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with lock:
            count += 1
            say = answer()
            with open(log_path, "a") as file:
                file.write(json.dumps({
                    "n": count, "time": time.time(), "path": self.path,
                    "headers": {k.lower(): v for k, v in
                                self.headers.items()},
                    "body": base64.b64encode(body).decode(),
                    "status": say["status"]}) + "\n")
        time.sleep(say.get("delay", 0))
        self.send_response(say["status"])
        for name, value in say.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST

    def log_message(self, *_args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[4])
                              if len(sys.argv) > 4 else 0), Handler)
server.daemon_threads = True
if len(sys.argv) > 3 and sys.argv[3]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()

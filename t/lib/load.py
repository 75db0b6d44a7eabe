#!/usr/bin/env python3
"""Sends many requests at once and says what came back.

Standard input: {"port": N, "concurrency": N, "requests": [{"path", "body",
"headers", "abort_after", "timeout"}]}; "abort_after": the client goes away
after so many bytes of the response (with a RST), 0: right after sending.
Standard output: {"seconds", "results": [{"status", "complete", "bytes",
"aborted", "ms", "body" (of statuses other than 200)}]} in the same order.
"""

import asyncio
import json
import socket
import struct
import sys
import time


class Client(asyncio.Protocol):
    """One keepalive connection, one request at a time."""

    def __init__(self):
        self.data = bytearray()
        self.transport = None
        self.waiter = None
        self.reset()

    def reset(self):
        self.head = None
        self.need = None
        self.chunked = False
        self.abort_after = None
        self.seen = 0
        self.body = bytearray()
        self.done = False

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc):
        self.finish("closed")

    def finish(self, how):
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(how)

    def data_received(self, data):
        self.data += data
        self.seen += len(data)
        if self.abort_after is not None and self.seen >= self.abort_after > 0:
            self.leave()
            return
        if self.head is None:
            end = self.data.find(b"\r\n\r\n")
            if end < 0:
                return
            self.head = bytes(self.data[:end]).decode("latin-1").lower()
            del self.data[:end + 4]
            self.chunked = "transfer-encoding: chunked" in self.head
            for line in self.head.split("\r\n")[1:]:
                if line.startswith("content-length:"):
                    self.need = int(line.partition(":")[2])
        if self.chunked:
            self.chunks()
        elif self.need is not None and len(self.data) >= self.need:
            self.body += self.data[:self.need]
            del self.data[:self.need]
            self.finish("complete")

    def chunks(self):
        while True:
            end = self.data.find(b"\r\n")
            if end < 0:
                return
            size = int(bytes(self.data[:end]).partition(b";")[0], 16)
            if len(self.data) < end + 2 + size + 2:
                return
            self.body += self.data[end + 2:end + 2 + size]
            del self.data[:end + 2 + size + 2]
            if size == 0:
                self.finish("complete")
                return

    def leave(self):
        self.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
        self.finish("aborted")

    @property
    def keepalive(self):
        return (self.head is not None
                and "connection: close" not in self.head)


def encode(request):
    body = request.get("body", "")
    if not isinstance(body, str):
        body = json.dumps(body)
    body = body.encode()
    headers = {"Host": "gateway.test", "Content-Type": "application/json",
               "Content-Length": len(body)}
    headers.update(request.get("headers", {}))
    lines = [f"{request.get('method', 'POST')} {request['path']} HTTP/1.1"]
    lines += [f"{k}: {v}" for k, v in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def one(plan, request, client):
    loop = asyncio.get_running_loop()
    began = time.monotonic()
    fresh = client is None or client.transport.is_closing()
    try:
        if fresh:
            _, client = await loop.create_connection(
                Client, "127.0.0.1", plan["port"])
        client.reset()
        client.waiter = loop.create_future()
        client.abort_after = request.get("abort_after")
        client.transport.write(encode(request))
        if client.abort_after == 0:
            await asyncio.sleep(request.get("abort_ms", 5) / 1000)
            client.leave()
        how = await asyncio.wait_for(client.waiter,
                                     request.get("timeout", 60))
    except asyncio.TimeoutError:
        how = "timeout"
        client.leave()
    except OSError as error:
        return {"status": 0, "complete": False, "aborted": False,
                "bytes": 0, "ms": 0, "body": str(error)}, None
    status = int(client.head.split(" ")[1]) if client.head else 0
    result = {"status": status, "complete": how == "complete",
              "aborted": how == "aborted", "how": how,
              "bytes": len(client.body),
              "ms": round((time.monotonic() - began) * 1000, 1)}
    if status != 200 or request.get("keep"):
        result["body"] = bytes(client.body).decode("latin-1")
        result["head"] = client.head
    if how != "complete" or not client.keepalive:
        client.transport.abort()
        client = None
    return result, client


async def main():
    plan = json.load(sys.stdin)
    requests = plan["requests"]
    results = [None] * len(requests)
    numbers = iter(range(len(requests)))

    async def worker():
        client = None
        for number in numbers:
            results[number], client = await one(plan, requests[number],
                                                client)
        if client is not None:
            client.transport.abort()

    began = time.monotonic()
    await asyncio.gather(*(worker() for _ in range(plan["concurrency"])))
    json.dump({"seconds": time.monotonic() - began, "results": results},
              sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())

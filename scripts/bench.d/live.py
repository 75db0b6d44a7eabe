"""The live feed with many watchers: what scripts/bench-ledger calls.

Calls at a steady rate through a gateway with two workers, while nobody and
while many WebSocket clients watch; prints how many messages came, how late, and
the CPU of all nginx processes.
"""

import argparse
import asyncio
import base64
import datetime
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import files

HERE = os.path.dirname(os.path.realpath(__file__))


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench.d/live.py")
    parser.add_argument("--tools", required=True)
    parser.add_argument("--module", required=True)
    parser.add_argument("--nginx", default="/usr/sbin/nginx")
    parser.add_argument("--watchers", type=int, default=500)
    parser.add_argument("--rate", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10)
    return parser.parse_args()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_port(port):
    for _ in range(200):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


def cpu_seconds(master):
    """Of the master and its children with all their threads, by the scheduler's
    own count."""
    total = 0
    with open(f"/proc/{master}/task/{master}/children") as file:
        pids = [master, *map(int, file.read().split())]
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                total += int(file.read().split()[0])
    return total / 1e9


class Watcher:
    """Counts messages; only the first one looks at what they say."""

    def __init__(self, port, look):
        self.port = port
        self.look = look
        self.requests = 0
        self.delays = []

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port)
        key = base64.b64encode(os.urandom(16)).decode()
        self.writer.write(
            (f"GET /llm/live?types=request HTTP/1.1\r\nHost: 127.0.0.1\r\n"
             "Connection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\n"
             f"Sec-WebSocket-Key: {key}\r\n\r\n").encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(head.decode())

    async def message(self):
        _, length = await self.reader.readexactly(2)
        if length == 126:
            length = int.from_bytes(await self.reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await self.reader.readexactly(8), "big")
        return await self.reader.readexactly(length)

    async def run(self):
        try:
            while True:
                data = await self.message()
                if not data.startswith(b'{"type":"request"'):
                    continue
                self.requests += 1
                if self.look:
                    row = json.loads(data)["log"]
                    settled = datetime.datetime.fromisoformat(
                        row["time"].replace("Z", "+00:00"))
                    self.delays.append(time.time() - settled.timestamp())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass


async def call(port, request):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return b" 200 " in head.split(b"\r\n")[0]


async def measure(options, port, master, request, watchers):
    clients = [Watcher(port, n == 0) for n in range(watchers)]
    for client in clients:
        await client.open()
    tasks = [asyncio.create_task(client.run()) for client in clients]
    await asyncio.sleep(1)

    began, before = time.monotonic(), cpu_seconds(master)
    good = sent = 0
    while sent < options.rate * options.seconds:
        await asyncio.sleep(max(0, began + sent / options.rate
                                - time.monotonic()))
        good += await call(port, request)
        sent += 1
    await asyncio.sleep(3)
    cpu = cpu_seconds(master) - before
    seconds = time.monotonic() - began
    for task in tasks:
        task.cancel()
    for client in clients:
        client.writer.close()
    return good, cpu / seconds, clients


def show(watchers, good, load, clients):
    print(f"{watchers} watchers: {good} calls, {load * 100:.1f} % of a core")
    if not clients:
        return 0
    least = min(client.requests for client in clients)
    most = max(client.requests for client in clients)
    delays = sorted(clients[0].delays) or [0]
    print(f"    messages of each watcher: {least} to {most} of {good};"
          f" {statistics.median(delays):.2f} s after the call was settled"
          f" (median), {delays[-1]:.2f} s at most")
    return 0 if least == most == good else 1


def main():
    options = parse_options()
    folder = tempfile.mkdtemp(prefix="llm-gov-live-")
    os.chmod(folder, 0o755)
    memory = files.in_memory()
    processes = []
    try:
        names = files.certificate(folder)
        values = dict(crt=names["crt"], module=options.module,
                      root=os.path.dirname(os.path.dirname(HERE)),
                      prefix=f"{folder}/governed", journal=memory,
                      **{name: free_port() for name in
                         ("paced", "burst", "governed")})
        answer = files.write(f"{folder}/answer.json", json.dumps(
            files.message([{"type": "text", "text": "word " * 80}],
                          "end_turn", 80)))
        frames = files.write(f"{folder}/frames", files.stream(8))
        processes.append(subprocess.Popen(
            [f"{options.tools}/upstream", str(values["paced"]), names["crt"],
             names["key"], answer, frames, "0"]))
        conf = files.governed(values).replace(
            "worker_processes 1", "worker_processes 2").replace(
            "worker_cpu_affinity 1;", "").replace(
            "location /bedrock/", "location /llm/ { llm_status; }\n"
            "        location /bedrock/")
        for name in ("logs", "temp", "store"):
            os.makedirs(f"{values['prefix']}/{name}", exist_ok=True)
        path = files.write(f"{values['prefix']}/nginx.conf", conf)
        nginx = subprocess.Popen(
            [options.nginx, "-p", values["prefix"], "-c", path, "-e",
             f"{values['prefix']}/logs/error.log"])
        processes.append(nginx)
        wait_port(values["paced"])
        wait_port(values["governed"])
        model = files.MODEL.replace(":", "%3A")
        request = files.http_request(f"/bedrock/model/{model}/invoke",
                                     files.KEYS["bearer"], files.body(1024))
        bad = 0
        for watchers in (0, options.watchers):
            bad |= show(watchers, *asyncio.run(measure(
                options, values["governed"], nginx.pid, request, watchers)))
        nginx.send_signal(signal.SIGQUIT)
        nginx.wait(10)
        return bad
    finally:
        for process in processes:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(memory, ignore_errors=True)


sys.exit(main())

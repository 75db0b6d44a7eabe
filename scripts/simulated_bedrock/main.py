"""Options, the listening socket, and what all requests share."""

import argparse
import asyncio
import hashlib
import itertools
import signal
import sys
import time
from collections import deque

from . import clock, http, player, prices
from .aws import Sources
from .bedrock import Bedrock, Call
from .control import Control
from .recordings import Recordings
from .script import Queue
from .sigv4 import Credential, Verifier
from .totals import Totals

KEPT_RECORDS = 20000
KEPT_BODY = 64 * 1024
KEPT_BODIES = 500

# AWS's own documentation example
EXAMPLE_KEY = "AKIAIOSFODNN7EXAMPLE"
EXAMPLE_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


class App:
    def __init__(self, options):
        self.verifier = Verifier(options.verify)
        self.verifier.add(Credential(EXAMPLE_KEY, EXAMPLE_SECRET))
        for text in options.credential:
            self.verifier.add(Credential(*text.split(":", 2)))
        self.verifier.bearers.update(options.bearer)
        self.prices_path = options.prices
        self.totals = Totals(prices.load(options.prices))
        self.queue = Queue()
        self.sources = Sources(self.verifier)
        self.recordings = Recordings(options.samples)
        self.first_defaults = {"delay_ms": options.delay_ms}
        self.defaults = dict(self.first_defaults)
        self.connections = set()
        self.bedrock = Bedrock(self)
        self.control = Control(self)
        self.log = options.log
        self.serial = itertools.count(1)
        self.records = deque(maxlen=KEPT_RECORDS)
        self.bodies = deque()

    def reset(self):
        clock.offset = 0
        self.totals.prices = prices.load(self.prices_path)
        self.totals.reset()
        self.queue.reset()
        self.sources.reset()
        self.defaults = dict(self.first_defaults)
        self.records.clear()
        self.bodies.clear()

    @staticmethod
    def now():
        return clock.now()

    @staticmethod
    async def hang(connection):
        await player.hang(connection)

    async def handle(self, connection, request):
        if request.path.startswith("/_sim/"):
            return await self.control.handle(connection, request)
        call = Call(request)
        call.record = self._record(request)
        call.record["request_id"] = call.id
        if self.sources.owns(request):
            await self.sources.handle(connection, request, call.id)
        else:
            await self.bedrock.handle(connection, call)
            call.record.update(access_key=call.access_key, model=call.model,
                               operation=call.operation, region=call.region)
        call.record["done"] = True
        if self.log:
            self._say(call)
        return None

    def _record(self, request):
        record = {
            "serial": next(self.serial), "time": time.time(),
            "method": request.method, "target": request.target,
            "path": request.path, "version": request.version,
            "headers": request.headers, "size": len(request.body),
            "sha256": hashlib.sha256(request.body).hexdigest(),
            "connection": request.connection, "nth": request.nth,
            "scheme": request.scheme, "sni": request.sni,
            "signature_ok": None, "done": False,
        }
        if len(request.body) <= KEPT_BODY:
            record["body"] = request.body.decode("utf-8", "replace")
            self.bodies.append(record)
            if len(self.bodies) > KEPT_BODIES:
                self.bodies.popleft().pop("body", None)
        self.records.append(record)
        return record

    @staticmethod
    def left(_connection):
        """The other side has gone while its request was being answered."""

    def _say(self, call):
        record = call.record
        usage = record.get("usage", {})
        print(f"{time.strftime('%H:%M:%S')} {call.operation or call.request.path}"
              f" {call.model or ''}"
              f" in={usage.get('input', 0)} out={usage.get('output', 0)}"
              f" {record.get('error', 'ok')}", flush=True)


def parse_options(argv):
    parser = argparse.ArgumentParser(
        prog="simulated-bedrock", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0: any free one (it is printed)")
    add("--cert", help="PEM certificate: speaks TLS")
    add("--key", help="PEM key")
    add("--verify", choices=("own", "botocore", "none"), default="own",
        help="who recomputes the signatures")
    add("--credential", action="append", default=[],
        metavar="ID:SECRET[:TOKEN]", help="AWS credentials to accept")
    add("--bearer", action="append", default=[], metavar="KEY",
        help="Bedrock API keys to accept")
    add("--prices", metavar="FILE", help="price list (conf/prices.json)")
    add("--samples", action="append", default=[], metavar="DIR",
        help="more recorded exchanges")
    add("--delay-ms", type=int, default=25,
        help="between the words of a stream")
    add("--log", action="store_true", help="a line per request")
    return parser.parse_args(argv)


async def serve(options):
    loop = asyncio.get_running_loop()
    app = App(options)
    tls = http.tls_context(options.cert, options.key) if options.cert else None
    server = await loop.create_server(
        lambda: http.Connection(app), options.host, options.port, ssl=tls,
        backlog=1024, reuse_address=True)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"listening on {host}:{port}", flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
    server.close()
    for connection in list(app.connections):
        connection.transport.abort()


def main(argv=None):
    options = parse_options(sys.argv[1:] if argv is None else argv)
    asyncio.run(serve(options))
    return 0

"""A minimal HTTP/1.1 server on asyncio: keepalive, chunked both ways, TLS.

It lets the caller misbehave in every way a provider can: cut, reset, garbage,
pieces of any size.
"""

import asyncio
import itertools
import socket
import ssl
import struct
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import parse_qs

from . import clock

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024

_serial = itertools.count(1)


class BadRequest(Exception):
    pass


class Request:
    """One request as it came over the wire."""

    __slots__ = ("method", "target", "version", "headers", "body", "scheme",
                 "sni", "connection", "nth")

    def __init__(self, method, target, version, headers):
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers          # (name, value) in order
        self.body = b""

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def raw_query(self):
        return self.target.partition("?")[2]

    @property
    def query(self):
        return {k: v[-1] for k, v in
                parse_qs(self.raw_query, keep_blank_values=True).items()}

    def header(self, name, default=None):
        name = name.lower()
        values = [v for n, v in self.headers if n.lower() == name]
        return ",".join(values) if values else default

    @property
    def keepalive(self):
        connection = (self.header("connection") or "").lower()
        if self.version == "HTTP/1.0":
            return "keep-alive" in connection
        return "close" not in connection


def parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    try:
        method, target, version = lines[0].split(" ")
    except ValueError:
        raise BadRequest("bad request line") from None
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest("bad header line")
        headers.append((name, value.strip(" \t")))
    return Request(method, target, version, headers)


class Connection(asyncio.Protocol):
    """One client connection; requests are handled one after another."""

    def __init__(self, app):
        self.app = app
        self.serial = next(_serial)
        self.buffer = bytearray()
        self.request = None
        self.need = 0                   # of the body, -1: chunked
        self.chunks = None
        self.scan = 0
        self.task = None
        self.closed = False
        self.stale = False              # close when the next request comes
        self.count = 0
        self.writable = asyncio.Event()
        self.writable.set()
        self.chunked = False
        self.started = False
        self.split = 0

    # asyncio.Protocol

    def connection_made(self, transport):
        self.transport = transport
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = transport.get_extra_info("ssl_object")
        self.app.connections.add(self)

    def connection_lost(self, exc):
        self.closed = True
        self.writable.set()
        self.app.connections.discard(self)
        if self.task is not None:
            self.app.left(self)

    def pause_writing(self):
        self.writable.clear()

    def resume_writing(self):
        self.writable.set()

    def data_received(self, data):
        self.buffer += data
        if self.task is None:
            self._advance()

    # request parsing

    def _advance(self):
        try:
            if self.request is None and not self._read_head():
                return
            if not self._read_body():
                return
        except (BadRequest, ValueError) as error:
            self._refuse(str(error))
            return

        request, self.request = self.request, None
        self.count += 1
        request.connection = self.serial
        request.nth = self.count
        request.scheme = "https" if self.tls else "http"
        request.sni = getattr(self.tls, "sim_sni", None)
        if self.stale:
            self.transport.abort()
            return
        self.started = False
        self.chunked = False
        self.split = 0
        self.task = asyncio.get_running_loop().create_task(
            self._serve(request))

    def _read_head(self):
        if self.buffer and not 65 <= self.buffer[0] <= 90:
            raise BadRequest("this is not HTTP")
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > MAX_HEAD:
                raise BadRequest("request head too large")
            return False
        self.request = parse_head(bytes(self.buffer[:end]))
        del self.buffer[:end + 4]
        coding = self.request.header("transfer-encoding")
        if coding is not None:
            if coding.lower() != "chunked":
                raise BadRequest("unknown transfer coding")
            self.need, self.chunks, self.scan = -1, bytearray(), 0
        else:
            self.need = int(self.request.header("content-length") or 0)
            if self.need < 0 or self.need > MAX_BODY:
                raise BadRequest("body too large")
        if (self.request.header("expect") or "").lower() == "100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _read_body(self):
        if self.need >= 0:
            if len(self.buffer) < self.need:
                return False
            self.request.body = bytes(self.buffer[:self.need])
            del self.buffer[:self.need]
            return True
        return self._read_chunks()

    def _read_chunks(self):
        while True:
            end = self.buffer.find(b"\r\n", self.scan)
            if end < 0:
                break
            size = int(bytes(self.buffer[self.scan:end]).split(b";")[0], 16)
            if size < 0 or len(self.chunks) + size > MAX_BODY:
                raise BadRequest("body too large")
            if len(self.buffer) < end + 2 + size + 2:
                break
            self.chunks += self.buffer[end + 2:end + 2 + size]
            self.scan = end + 2 + size + 2
            if size == 0:
                del self.buffer[:self.scan]
                self.request.body = bytes(self.chunks)
                return True
        del self.buffer[:self.scan]
        self.scan = 0
        return False

    def _refuse(self, text):
        body = text.encode()
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.transport.close()

    async def _serve(self, request):
        try:
            await self.app.handle(self, request)
        except ConnectionError:
            self.transport.abort()
        finally:
            self.task = None
        if self.closed:
            return
        if not request.keepalive:
            self.transport.close()
        elif self.buffer:
            self._advance()

    # answering

    def start(self, status, headers, length=None, date=0):
        """Response head; without a length the body goes out chunked."""
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [f"HTTP/1.1 {status} {phrase}",
                 f"Date: {formatdate(clock.now() + date, usegmt=True)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.chunked = length is None
        lines.append("Transfer-Encoding: chunked" if self.chunked
                     else f"Content-Length: {length}")
        self.started = True
        self.transport.write("\r\n".join(lines).encode("latin-1")
                             + b"\r\n\r\n")

    async def write(self, data):
        if self.closed:
            raise ConnectionResetError
        if not self.split:
            self._write_piece(data)
        else:
            for at in range(0, len(data), self.split):
                self._write_piece(data[at:at + self.split])
                if at % 64 == 0:
                    await asyncio.sleep(0)
                    if self.closed:
                        raise ConnectionResetError
        if not self.writable.is_set():
            await self.writable.wait()

    def _write_piece(self, data):
        if self.chunked:
            data = b"%x\r\n%s\r\n" % (len(data), data)
        self.transport.write(data)

    def end(self):
        if self.chunked and not self.closed:
            self.transport.write(b"0\r\n\r\n")

    async def reply(self, status, headers, body, date=0):
        self.start(status, headers, len(body), date)
        if body:
            await self.write(body)

    def cut(self):
        """Ends the connection in the middle, politely (FIN)."""
        self.transport.close()

    def reset(self):
        """Ends the connection with a RST."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
        self.transport.abort()


def tls_context(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    def note_sni(sslobj, name, _context):
        sslobj.sim_sni = name

    context.sni_callback = note_sni
    return context

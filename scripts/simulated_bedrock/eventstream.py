"""Encoder of application/vnd.amazon.eventstream frames."""

import base64
import itertools
import json
import struct
import zlib

ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_padding = itertools.cycle((21, 7, 44, 36, 12, 59, 3, 28))


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def frame(headers, payload):
    """One message; headers are (name, string) pairs."""
    block = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07"
        + struct.pack(">H", len(value.encode())) + value.encode()
        for name, value in headers)
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    message = (prelude + struct.pack(">I", zlib.crc32(prelude))
               + block + payload)
    return message + struct.pack(">I", zlib.crc32(message))


def event(event_type, payload):
    """An event with the padding member that Bedrock adds."""
    payload = dict(payload, p=ALPHABET[:next(_padding)])
    return frame([(":event-type", event_type),
                  (":content-type", "application/json"),
                  (":message-type", "event")], compact(payload).encode())


def chunk(value):
    """An InvokeModelWithResponseStream chunk that holds a JSON value."""
    raw = compact(value).encode()
    return event("chunk", {"bytes": base64.b64encode(raw).decode()})


def exception(name, message, **more):
    return frame([(":exception-type", name),
                  (":content-type", "application/json"),
                  (":message-type", "exception")],
                 compact(dict(more, message=message)).encode())


def error(code, message):
    return frame([(":error-code", code), (":error-message", message),
                  (":message-type", "error")], b"")


def spoil_message_crc(data):
    return data[:-1] + bytes([data[-1] ^ 0x5A])


def spoil_prelude_crc(data):
    return data[:8] + bytes([data[8] ^ 0x5A]) + data[9:]

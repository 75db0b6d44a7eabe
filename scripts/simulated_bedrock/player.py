"""Plays an answer onto a connection, going wrong where it is told to."""

import asyncio
import gzip
import zlib

from . import eventstream
from .errors import MESSAGE

EVENTSTREAM = "application/vnd.amazon.eventstream"

# behaviours that end a stream, with the number of frames before; a body knows
# the first three, with the number of bytes
ENDINGS = ("cut_after", "reset_after", "hang_after", "exception_after",
           "error_frame_after", "bad_crc_after", "bad_prelude_after")
BODY_ENDINGS = ENDINGS[:3]

GARBAGE = bytes((i * 73 + 41) & 0xFF for i in range(700))


def ending_of(behaviour, count, names=ENDINGS):
    """(name, frames before it) of what ends a stream of `count` frames."""
    for name in names:
        if name in behaviour and behaviour[name] < count:
            return name, behaviour[name]
    return None, count


async def pause(behaviour, name):
    delay = behaviour.get(name)
    if delay:
        await asyncio.sleep(delay / 1000)


def exception_frame(behaviour):
    name = behaviour.get("exception", "internalServerException")
    text = behaviour.get("message") or MESSAGE.get(
        name[:1].upper() + name[1:], "An error occurred.")
    more = {}
    if name == "modelStreamErrorException":
        more = {"originalStatusCode": 500, "originalMessage": "model error"}
    return eventstream.exception(name, text, **more)


async def hang(connection):
    """Does nothing until the other side has gone."""
    while not connection.closed:
        await asyncio.sleep(0.05)
    raise ConnectionResetError


async def fail_before(connection, behaviour):
    """The failures that come instead of an answer; True if one did."""
    if behaviour.get("hang"):
        await hang(connection)
    if behaviour.get("reset"):
        connection.reset()
    elif behaviour.get("no_answer"):
        connection.transport.abort()
    elif behaviour.get("garbage_head"):
        connection.transport.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        connection.cut()
    else:
        return False
    return True


def head_of(behaviour, headers):
    headers = list(headers)
    headers += [(k, str(v)) for k, v in behaviour.get("headers", {}).items()]
    if behaviour.get("close"):
        headers.append(("Connection", "close"))
    return headers


async def play_body(connection, behaviour, status, headers, body):
    """A whole body.  False: it was cut, so that its usage is not known."""
    headers = head_of(behaviour, headers)
    if behaviour.get("garbage"):
        body = GARBAGE
    if behaviour.get("gzip"):
        body = gzip.compress(body)
        headers.append(("Content-Encoding", "gzip"))
    length = None if behaviour.get("chunked") else len(body)
    connection.start(status, headers, length, behaviour.get("date_skew", 0))
    connection.split = behaviour.get("split", 0)
    name, at = ending_of(behaviour, len(body), BODY_ENDINGS)
    if name is not None:
        await connection.write(body[:at])
        await end_badly(connection, name)
        return False
    await connection.write(body)
    connection.end()
    after(connection, behaviour)
    return not behaviour.get("garbage")


async def end_badly(connection, name):
    await asyncio.sleep(0.01)
    if name == "hang_after":
        await hang(connection)
    elif name == "reset_after":
        connection.reset()
    else:
        connection.cut()


def after(connection, behaviour):
    if behaviour.get("close_silently") or behaviour.get("close"):
        connection.transport.close()
    if behaviour.get("stale"):
        connection.stale = True


async def play_frames(connection, behaviour, headers, frames, encode=None):
    """A stream.  False: it ended before the usage was told."""
    frames = list(frames)
    name, count = ending_of(behaviour, len(frames))
    headers = head_of(behaviour, headers)
    squeeze = None
    if behaviour.get("gzip"):
        headers.append(("Content-Encoding", "gzip"))
        squeeze = zlib.compressobj(wbits=31)
    connection.start(200, headers, None, behaviour.get("date_skew", 0))
    connection.split = behaviour.get("split", 0)
    await pause(behaviour, "frame_delay_ms")
    if behaviour.get("garbage"):
        frames, count, name = [GARBAGE], 1, None

    delay = behaviour.get("delay_ms", 0) / 1000
    waiting = b""
    for index, data in enumerate(frames[:count]):
        if squeeze:
            data = squeeze.compress(data) + squeeze.flush(zlib.Z_SYNC_FLUSH)
        if delay:
            await connection.write(data)
            if index < count - 1:
                await asyncio.sleep(delay)
        else:
            waiting += data
    if name is not None:
        waiting += last_words(name, behaviour, frames[count])
    if squeeze and name is None:
        waiting += squeeze.flush()
    if waiting:
        await connection.write(waiting)
    if name is None:
        connection.end()
        after(connection, behaviour)
        return not behaviour.get("garbage")
    if name in ("exception_after", "error_frame_after", "bad_crc_after",
                "bad_prelude_after"):
        connection.end()
    else:
        await end_badly(connection, name)
    return False


def last_words(name, behaviour, frame):
    """What still goes out before a stream ends before its time."""
    if name == "exception_after":
        return exception_frame(behaviour)
    if name == "error_frame_after":
        return eventstream.error(behaviour.get("error", "InternalError"),
                                 behaviour.get("message", "stopped"))
    if name == "bad_crc_after":
        return eventstream.spoil_message_crc(frame)
    if name == "bad_prelude_after":
        return eventstream.spoil_prelude_crc(frame)
    return frame[:behaviour.get("cut_bytes", 0)]

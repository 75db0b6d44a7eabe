"""Converse: one shape for every model."""

from . import eventstream
from .eventstream import compact

STOP = {"end": "end_turn", "length": "max_tokens", "tool": "tool_use"}


def usage_of(answer):
    usage = answer.usage
    value = {"inputTokens": usage.input, "outputTokens": usage.output,
             "serverToolUsage": {},
             "totalTokens": usage.input + usage.output + usage.cache_read
             + usage.cache_write}
    if usage.cache_read or usage.cache_write:
        value.update(cacheReadInputTokenCount=usage.cache_read,
                     cacheReadInputTokens=usage.cache_read,
                     cacheWriteInputTokenCount=usage.cache_write,
                     cacheWriteInputTokens=usage.cache_write)
    if usage.cache_write:
        value["cacheDetails"] = [
            {"inputTokens": count, "ttl": ttl}
            for ttl, count in (("1h", usage.cache_write_1h),
                               ("5m", usage.cache_write_5m)) if count]
    return value


def common(answer):
    """What the body and the metadata event have in common."""
    value = {"metrics": {"latencyMs": 951}}
    if answer.reports:
        value["usage"] = usage_of(answer)
    if answer.usage.tier:
        value["serviceTier"] = {"type": answer.usage.tier}
    if answer.usage.latency:
        value["performanceConfig"] = {"latency": answer.usage.latency}
    return value


def tool_use(answer):
    return {"toolUseId": f"tooluse_{answer.serial:022d}",
            "name": answer.tool["name"]}


def stop_of(answer):
    return answer.behaviour.get("stop_reason", STOP[answer.stop])


def body_of(answer):
    content = []
    if answer.thinking:
        content.append({"reasoningContent": {"reasoningText": {
            "text": answer.thinking, "signature": "c2ltdWxhdGVk"}}})
    if answer.pieces:
        content.append({"text": answer.text})
    if answer.tool:
        content.append({"toolUse": dict(tool_use(answer),
                                        input=answer.tool["input"])})
    return dict(common(answer), stopReason=stop_of(answer),
                output={"message": {"content": content, "role": "assistant"}})


def events(answer):
    """(event type, payload) pairs; text blocks have no contentBlockStart."""
    index = 0
    yield "messageStart", {"role": "assistant"}
    if answer.thinking:
        for part in ({"text": answer.thinking}, {"signature": "c2ltdWxhdGVk"}):
            yield "contentBlockDelta", {"contentBlockIndex": index,
                                        "delta": {"reasoningContent": part}}
        yield "contentBlockStop", {"contentBlockIndex": index}
        index += 1
    if answer.pieces:
        for piece in answer.pieces:
            yield "contentBlockDelta", {"contentBlockIndex": index,
                                        "delta": {"text": piece}}
        yield "contentBlockStop", {"contentBlockIndex": index}
        index += 1
    if answer.tool:
        yield "contentBlockStart", {"contentBlockIndex": index,
                                    "start": {"toolUse": tool_use(answer)}}
        text = compact(answer.tool["input"])
        for part in (text[:9], text[9:]):
            yield "contentBlockDelta", {"contentBlockIndex": index,
                                        "delta": {"toolUse": {"input": part}}}
        yield "contentBlockStop", {"contentBlockIndex": index}
    yield "messageStop", {"stopReason": stop_of(answer)}
    yield "metadata", common(answer)


def frames(answer):
    for name, payload in events(answer):
        yield eventstream.event(name, payload)

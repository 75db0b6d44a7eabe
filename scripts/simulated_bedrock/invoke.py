"""InvokeModel: response bodies, token headers and stream chunks per family."""

import base64
import math
import struct
import zlib

from .eventstream import compact

STOP = {
    "claude": {"end": "end_turn", "length": "max_tokens", "tool": "tool_use"},
    "claude-legacy": {"end": "stop_sequence", "length": "max_tokens"},
    "nova": {"end": "end_turn", "length": "max_tokens", "tool": "tool_use"},
    "titan": {"end": "FINISH", "length": "LENGTH"},
    "llama": {"end": "stop", "length": "length"},
    "mistral": {"end": "stop", "length": "length"},
    "cohere": {"end": "COMPLETE", "length": "MAX_TOKENS"},
    "cohere-r": {"end": "COMPLETE", "length": "MAX_TOKENS"},
    "ai21-j2": {"end": "endoftext", "length": "length"},
    "openai": {"end": "stop", "length": "length", "tool": "tool_calls"},
}


def stop_of(answer, family=None):
    if "stop_reason" in answer.behaviour:
        return answer.behaviour["stop_reason"]
    names = STOP[family or answer.family]
    return names.get(answer.stop, names["end"])


def token_headers(answer):
    usage, family = answer.usage, answer.family
    headers = [("X-Amzn-Bedrock-Invocation-Latency", "187")]
    if usage.tier:
        headers.append(("X-Amzn-Bedrock-Service-Tier", usage.tier))
    if usage.latency:
        headers.append(("X-Amzn-Bedrock-PerformanceConfig-Latency",
                        usage.latency))
    if not answer.reports or family in ("rerank", "image"):
        return headers
    headers.append(("X-Amzn-Bedrock-Input-Token-Count", str(usage.input)))
    if family.endswith("-embed"):
        return headers
    headers.append(("X-Amzn-Bedrock-Output-Token-Count",
                    str(answer.metrics_output)))
    if family == "claude" or usage.cache_read or usage.cache_write:
        headers.append(("X-Amzn-Bedrock-Cache-Read-Input-Token-Count",
                        str(usage.cache_read)))
        headers.append(("X-Amzn-Bedrock-Cache-Write-Input-Token-Count",
                        str(usage.cache_write)))
    return headers


def metrics(answer):
    usage = answer.usage
    value = {"inputTokenCount": usage.input,
             "outputTokenCount": answer.metrics_output,
             "invocationLatency": 1321, "firstByteLatency": 439}
    if answer.family == "claude" or usage.cache_read or usage.cache_write:
        value["cacheReadInputTokenCount"] = usage.cache_read
        value["cacheWriteInputTokenCount"] = usage.cache_write
    return value


def with_metrics(answer, chunk):
    if answer.reports:
        chunk = dict(chunk)
        chunk["amazon-bedrock-invocationMetrics"] = metrics(answer)
    return chunk


# Claude

def claude_usage(answer, output):
    usage = answer.usage
    value = {"input_tokens": usage.input,
             "cache_creation_input_tokens": usage.cache_write,
             "cache_read_input_tokens": usage.cache_read,
             "cache_creation": {
                 "ephemeral_5m_input_tokens": usage.cache_write_5m,
                 "ephemeral_1h_input_tokens": usage.cache_write_1h},
             "output_tokens": output}
    return value


def claude_name(answer):
    name = answer.model.rpartition("anthropic.")[2].partition(":")[0]
    stem, _, version = name.rpartition("-v")
    return stem if stem and version.isdigit() else name


def claude_content(answer):
    content = []
    if answer.thinking:
        content.append({"type": "thinking", "thinking": answer.thinking,
                        "signature": "c2ltdWxhdGVk"})
    if answer.pieces:
        content.append({"type": "text", "text": answer.text})
    if answer.tool:
        content.append({"type": "tool_use",
                        "id": f"toolu_bdrk_{answer.serial:024d}",
                        "name": answer.tool["name"],
                        "input": answer.tool["input"]})
    return content


def claude_message(answer, content, stop, usage):
    message = {"id": f"msg_bdrk_{answer.serial:024d}", "type": "message",
               "role": "assistant", "model": claude_name(answer),
               "content": content, "stop_reason": stop,
               "stop_sequence": None}
    if answer.reports:
        message["usage"] = usage
    return message


def claude_body(answer):
    return claude_message(answer, claude_content(answer), stop_of(answer),
                          claude_usage(answer, answer.usage.output))


def claude_block(index, block, deltas):
    yield {"type": "content_block_start", "index": index,
           "content_block": block}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def claude_events(answer):
    """Anthropic's stream events, as Bedrock and Anthropic send them."""
    yield {"type": "message_start",
           "message": claude_message(answer, [], None,
                                     claude_usage(answer, 1))}
    for index, block in enumerate(claude_content(answer)):
        if block["type"] == "thinking":
            yield from claude_block(
                index, {"type": "thinking", "thinking": "", "signature": ""},
                [{"type": "thinking_delta", "thinking": block["thinking"]},
                 {"type": "signature_delta",
                  "signature": block["signature"]}])
        elif block["type"] == "text":
            yield from claude_block(
                index, {"type": "text", "text": ""},
                ({"type": "text_delta", "text": piece}
                 for piece in answer.pieces))
        else:
            text = compact(block["input"])
            yield from claude_block(
                index, dict(block, input={}),
                [{"type": "input_json_delta", "partial_json": part}
                 for part in ("", text[:7], text[7:])])
    delta = {"type": "message_delta",
             "delta": {"stop_reason": stop_of(answer, "claude"),
                       "stop_sequence": None}}
    if answer.reports:
        delta["usage"] = {"output_tokens": answer.usage.output}
    yield delta


def claude_chunks(answer):
    yield from claude_events(answer)
    yield with_metrics(answer, {"type": "message_stop"})


# the others

def nova_usage(answer):
    usage = answer.usage
    value = {"inputTokens": usage.input, "outputTokens": usage.output,
             "totalTokens": usage.input + usage.output + usage.cache_read
             + usage.cache_write}
    if usage.cache_read or usage.cache_write:
        value["cacheReadInputTokenCount"] = usage.cache_read
        value["cacheWriteInputTokenCount"] = usage.cache_write
    return value


def nova_body(answer):
    body = {"output": {"message": {"content": [{"text": answer.text}],
                                   "role": "assistant"}},
            "stopReason": stop_of(answer)}
    if answer.reports:
        body["usage"] = nova_usage(answer)
    return body


def nova_chunks(answer):
    yield {"messageStart": {"role": "assistant"}}
    for index, piece in enumerate(answer.pieces):
        yield {"contentBlockDelta": {"delta": {"text": piece},
                                     "contentBlockIndex": index}}
        yield {"contentBlockStop": {"contentBlockIndex": index}}
    yield {"messageStop": {"stopReason": stop_of(answer)}}
    metadata = {"metrics": {}, "trace": {}}
    if answer.reports:
        metadata["usage"] = nova_usage(answer)
    yield with_metrics(answer, {"metadata": metadata})


def titan_body(answer):
    body = {"results": [{"outputText": answer.text,
                         "completionReason": stop_of(answer)}]}
    if answer.reports:
        body["inputTextTokenCount"] = answer.usage.input
        body["results"][0]["tokenCount"] = answer.usage.output
    return body


def titan_chunks(answer):
    for piece in answer.pieces[:-1]:
        yield {"outputText": piece, "index": 0,
               "totalOutputTextTokenCount": None, "completionReason": None,
               "inputTextTokenCount": None}
    last = {"outputText": answer.pieces[-1], "index": 0,
            "completionReason": stop_of(answer)}
    if answer.reports:
        last["totalOutputTextTokenCount"] = answer.usage.output
        last["inputTextTokenCount"] = answer.usage.input
    yield with_metrics(answer, last)


def llama_body(answer):
    body = {"generation": answer.text, "stop_reason": stop_of(answer)}
    if answer.reports:
        body["prompt_token_count"] = answer.usage.input
        body["generation_token_count"] = answer.usage.output
    return body


def llama_chunks(answer):
    last = len(answer.pieces) - 1
    for index, piece in enumerate(answer.pieces):
        count = answer.usage.output if index == last else min(
            index + 1, answer.usage.output)
        chunk = {"generation": piece, "prompt_token_count": None,
                 "generation_token_count": count,
                 "stop_reason": stop_of(answer) if index == last else None}
        if index == 0:
            chunk["prompt_token_count"] = answer.usage.input
        if not answer.reports:
            del chunk["prompt_token_count"], chunk["generation_token_count"]
        yield with_metrics(answer, chunk) if index == last else chunk


def mistral_body(answer):
    return {"outputs": [{"text": answer.text,
                         "stop_reason": stop_of(answer)}]}


def mistral_chunks(answer):
    for piece in answer.pieces[:-1]:
        yield {"outputs": [{"text": piece, "stop_reason": None}]}
    yield with_metrics(answer, {"outputs": [
        {"text": answer.pieces[-1], "stop_reason": stop_of(answer)}]})


def cohere_body(answer):
    return {"id": f"{answer.serial:032x}", "prompt": "",
            "generations": [{"id": f"{answer.serial:032x}",
                             "text": answer.text,
                             "finish_reason": stop_of(answer)}]}


def cohere_chunks(answer):
    for index, piece in enumerate(answer.pieces):
        yield {"text": piece, "is_finished": False, "index": index}
    yield with_metrics(answer, {"is_finished": True,
                                "finish_reason": stop_of(answer)})


def cohere_r_body(answer):
    return {"response_id": f"{answer.serial:032x}", "text": answer.text,
            "generation_id": f"{answer.serial:032x}", "chat_history": [],
            "finish_reason": stop_of(answer)}


def cohere_r_chunks(answer):
    for piece in answer.pieces:
        yield {"is_finished": False, "event_type": "text-generation",
               "text": piece}
    yield with_metrics(answer, {
        "is_finished": True, "event_type": "stream-end",
        "response": cohere_r_body(answer), "finish_reason": stop_of(answer)})


def ai21_j2_body(answer):
    def tokens(count):
        return [{"generatedToken": {"token": "▁a", "logprob": -1.0}}
                for _ in range(count)]
    return {"id": answer.serial,
            "prompt": {"text": "", "tokens": tokens(answer.usage.input)},
            "completions": [{"data": {"text": answer.text,
                                      "tokens": tokens(answer.usage.output)},
                             "finishReason": {"reason": stop_of(answer)}}]}


def openai_usage(answer, with_cache=False):
    usage = answer.usage
    prompt = usage.input + usage.cache_read + usage.cache_write
    value = {"prompt_tokens": prompt, "completion_tokens": usage.output,
             "total_tokens": prompt + usage.output}
    if with_cache:
        value["prompt_tokens_details"] = {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write}
    return value


def openai_body(answer, with_cache=False):
    message = {"role": "assistant", "content": answer.text}
    if answer.tool:
        message["tool_calls"] = [
            {"id": f"call_{answer.serial}", "type": "function",
             "function": {"name": answer.tool["name"],
                          "arguments": compact(answer.tool["input"])}}]
    body = {"id": f"chatcmpl-{answer.serial:024d}",
            "object": "chat.completion", "created": 1763900000,
            "model": answer.model,
            "choices": [{"index": 0, "message": message,
                         "finish_reason": stop_of(answer, "openai")}]}
    if answer.reports:
        body["usage"] = openai_usage(answer, with_cache)
    return body


def openai_chunk(answer, delta, finish=None):
    return {"id": f"chatcmpl-{answer.serial:024d}",
            "object": "chat.completion.chunk", "created": 1763900000,
            "model": answer.model,
            "choices": [{"index": 0, "delta": delta,
                         "finish_reason": finish}]}


def openai_chunks(answer):
    yield openai_chunk(answer, {"role": "assistant", "content": ""})
    for piece in answer.pieces:
        yield openai_chunk(answer, {"content": piece})
    last = openai_chunk(answer, {}, stop_of(answer, "openai"))
    if answer.reports:
        last["usage"] = openai_usage(answer)
    yield with_metrics(answer, last)


def legacy_body(answer):
    return {"type": "completion", "completion": answer.text,
            "stop_reason": stop_of(answer), "stop": None}


def legacy_chunks(answer):
    for piece in answer.pieces[:-1]:
        yield {"type": "completion", "completion": piece,
               "stop_reason": None, "stop": None}
    yield with_metrics(answer, {
        "type": "completion", "completion": answer.pieces[-1],
        "stop_reason": stop_of(answer), "stop": None})


# embeddings, rerank, images

def vector(seed, size):
    return [round(math.sin(seed + i) / 10, 8) for i in range(size)]


def titan_embed_body(answer, request):
    size = request.get("dimensions", 16)
    body = {"embedding": vector(answer.serial, min(size, 1024))}
    if answer.reports:
        body["inputTextTokenCount"] = answer.usage.input
    return body


def cohere_embed_body(answer, request):
    texts = request.get("texts") or [""]
    size = min(request.get("output_dimension", 16), 1024)
    vectors = [vector(i, size) for i in range(len(texts))]
    kinds = request.get("embedding_types")
    return {"id": f"{answer.serial:032x}", "texts": texts,
            "embeddings": {kind: vectors for kind in kinds}
            if kinds else vectors,
            "response_type": "embeddings_by_type" if kinds
            else "embeddings_floats"}


def nova_embed_body(answer, _request):
    return {"embeddings": [{"embeddingType": "TEXT",
                            "embedding": vector(answer.serial, 16)}]}


def rerank_body(_answer, request):
    documents = request.get("documents") or [""]
    return {"results": [{"index": i, "relevance_score": round(0.9 / (i + 1), 7)}
                        for i in range(len(documents))]}


def one_pixel_png():
    def part(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))
    return (b"\x89PNG\r\n\x1a\n"
            + part(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
            + part(b"IDAT", zlib.compress(b"\x00\x10\x60\xc0"))
            + part(b"IEND", b""))


def image_body(answer, _request):
    image = base64.b64encode(one_pixel_png()).decode()
    body = {"images": [image] * answer.usage.images}
    if "stability." in answer.model:
        body.update(seeds=[1] * answer.usage.images,
                    finish_reasons=[None] * answer.usage.images)
    return body


BODIES = {
    "claude": claude_body, "claude-legacy": legacy_body, "nova": nova_body,
    "titan": titan_body, "llama": llama_body, "mistral": mistral_body,
    "cohere": cohere_body, "cohere-r": cohere_r_body,
    "ai21-j2": ai21_j2_body, "openai": openai_body,
}

BODIES_FROM_REQUEST = {
    "titan-embed": titan_embed_body, "cohere-embed": cohere_embed_body,
    "nova-embed": nova_embed_body, "rerank": rerank_body,
    "image": image_body,
}

CHUNKS = {
    "claude": claude_chunks, "claude-legacy": legacy_chunks,
    "nova": nova_chunks, "titan": titan_chunks, "llama": llama_chunks,
    "mistral": mistral_chunks, "cohere": cohere_chunks,
    "cohere-r": cohere_r_chunks, "openai": openai_chunks,
}


def shape_of(family, request):
    """Some models take chat bodies beside their own."""
    if family == "claude" and "prompt" in request:
        return "claude-legacy"
    if family in ("mistral", "llama", "opaque") and "messages" in request:
        return "openai"
    return "openai" if family == "opaque" else family


def body_of(answer, request):
    family = answer.family
    if family in BODIES_FROM_REQUEST:
        return BODIES_FROM_REQUEST[family](answer, request)
    return BODIES[family](answer)

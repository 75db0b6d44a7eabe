"""boto3: every operation, bearer and SigV4, errors and tries by mode.

Since botocore 1.44 a bearer key is sent over TLS only, SigV4 over anything.
"""

import json
import os

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

from client import (BEARER_URL, BEDROCK_MODEL, BEDROCK_URL, BROKE_KEY,
                    BUSY_KEY, KEY, SIGV4_NAME, SIGV4_SECRET, UNKNOWN_KEY,
                    attempt, done, equal, ok, raised, sim)


def client(bearer=None, secret=None, mode="legacy"):
    os.environ.pop("AWS_BEARER_TOKEN_BEDROCK", None)
    options = {"region_name": "us-east-1",
               "endpoint_url": BEARER_URL if bearer else BEDROCK_URL,
               "config": Config(retries={"mode": mode}, read_timeout=20)}
    if bearer:
        os.environ["AWS_BEARER_TOKEN_BEDROCK"] = bearer
    else:
        options.update(aws_access_key_id=SIGV4_NAME,
                       aws_secret_access_key=secret or SIGV4_SECRET)
    return boto3.client("bedrock-runtime", **options)


def claude(**behaviour):
    return json.dumps({
        "anthropic_version": "bedrock-2023-05-31", "max_tokens": 300,
        "messages": [{"role": "user", "content": sim(**behaviour)}]})


def conversation(model=BEDROCK_MODEL, **behaviour):
    return {"modelId": model, "inferenceConfig": {"maxTokens": 300},
            "messages": [{"role": "user",
                          "content": [{"text": sim(**behaviour)}]}]}


def invoke(name, aws):
    answer = aws.invoke_model(
        modelId=BEDROCK_MODEL,
        body=claude(input=41, output=3, text="one two three"))
    body = json.loads(answer["body"].read())
    equal(body["content"][0]["text"], "one two three", f"{name}: invoke")
    equal((body["usage"]["input_tokens"], body["usage"]["output_tokens"]),
          (41, 3), f"{name}: invoke, usage")


def invoke_stream(name, aws):
    answer = aws.invoke_model_with_response_stream(
        modelId=BEDROCK_MODEL,
        body=claude(output=4, text="a b c d", split=9))
    events = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    text = "".join(event.get("delta", {}).get("text", "") for event in events)
    equal(text, "a b c d", f"{name}: invoke stream")
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    equal(metrics["outputTokenCount"], 4, f"{name}: invoke stream, metrics")


def converse(name, aws):
    answer = aws.converse(**conversation(input=43, output=2, cache_read=8,
                                         text="hello you"))
    usage = answer["usage"]
    equal(answer["output"]["message"]["content"][0]["text"], "hello you",
          f"{name}: converse")
    equal((usage["inputTokens"], usage["outputTokens"],
           usage["cacheReadInputTokens"]), (43, 2, 8),
          f"{name}: converse, usage")
    equal(answer["ResponseMetadata"]["RetryAttempts"], 0,
          f"{name}: converse, one try")


def converse_stream(name, aws):
    answer = aws.converse_stream(**conversation(output=3, text="x y z"))
    text, usage = "", None
    for event in answer["stream"]:
        text += event.get("contentBlockDelta", {}).get("delta", {}) \
            .get("text", "")
        usage = event.get("metadata", {}).get("usage", usage)
    equal(text, "x y z", f"{name}: converse stream")
    equal(usage and usage["outputTokens"], 3, f"{name}: converse stream, usage")


def count_tokens(name, aws):
    answer = aws.count_tokens(
        modelId=BEDROCK_MODEL.removeprefix("us."),
        input={"invokeModel": {"body": claude(input=55)}})
    ok(answer["inputTokens"] > 10, f"{name}: count tokens")


def model_ids():
    """Raw and encoded on the way, an ARN with slashes."""
    aws = client(KEY)
    for model in (BEDROCK_MODEL.removeprefix("us."),
                  "amazon.nova-lite-v1:0",
                  "arn:aws:bedrock:us-east-1::foundation-model/"
                  + BEDROCK_MODEL.removeprefix("us.")):
        answer = aws.converse(**conversation(model, text="by id"))
        equal(answer["output"]["message"]["content"][0]["text"], "by id",
              f"model {model}")


def stream_exception():
    answer = client(KEY).converse_stream(**conversation(
        text="a b c d e f", exception="throttlingException",
        exception_after=4))
    error = raised(lambda: list(answer["stream"]))
    ok("throttlingException" in str(error), f"exception in a stream: {error}")


def refused(title, aws, name, status, tries):
    error = raised(lambda: aws.converse(**conversation(text="x")))
    if not ok(isinstance(error, ClientError), f"{title}: {error}"):
        return
    metadata = error.response["ResponseMetadata"]
    equal((error.response["Error"]["Code"], metadata["HTTPStatusCode"],
           metadata["RetryAttempts"] + 1), (name, status, tries), title)
    ok(bool(metadata.get("RequestId")), f"{title}: has a request id")


print(f"# botocore {botocore.__version__}")

for name, login in (("bearer", {"bearer": KEY}), ("sigv4", {})):
    aws = client(**login)
    for test in (invoke, invoke_stream, converse, converse_stream,
                 count_tokens):
        attempt(f"{name}: {test.__name__}", test, name, aws)

attempt("model ids", model_ids)
attempt("exception in a stream", stream_exception)

refused("unknown key", client(UNKNOWN_KEY),
        "UnrecognizedClientException", 403, 1)
refused("wrong secret", client(secret="wrong" * 8),
        "InvalidSignatureException", 403, 1)
for mode in ("legacy", "standard", "adaptive"):
    refused(f"no budget left, {mode}", client(BROKE_KEY, mode=mode),
            "ServiceQuotaExceededException", 400, 1)
refused("too many requests, standard", client(BUSY_KEY, mode="standard"),
        "ThrottlingException", 429, 3)

done()

"""Errors in AWS's shape."""

STATUS = {
    "AccessDeniedException": 403, "ConflictException": 400,
    "InternalServerException": 500, "ModelErrorException": 424,
    "ModelNotReadyException": 429, "ModelStreamErrorException": 424,
    "ModelTimeoutException": 408, "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 400, "ServiceUnavailableException": 503,
    "ThrottlingException": 429, "ValidationException": 400,
    "UnrecognizedClientException": 403, "ExpiredTokenException": 403,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "IncompleteSignatureException": 403,
}

NAME = {
    400: "ValidationException", 403: "AccessDeniedException",
    404: "ResourceNotFoundException", 408: "ModelTimeoutException",
    424: "ModelErrorException", 429: "ThrottlingException",
    500: "InternalServerException", 503: "ServiceUnavailableException",
}

MESSAGE = {
    "ThrottlingException":
        "Too many requests, please wait before trying again.",
    "ServiceUnavailableException":
        "Bedrock is unable to process your request.",
    "InternalServerException":
        "The system encountered an unexpected error during processing. Try "
        "your request again.",
    "ModelTimeoutException":
        "Model has timed out in processing the request. Try your request "
        "again.",
    "ModelErrorException":
        "The request failed due to an error while processing the model.",
    "ModelStreamErrorException":
        "The model had an error in the middle of the stream.",
    "AccessDeniedException":
        "You don't have access to the model with the specified model ID.",
    "ResourceNotFoundException": "Could not resolve the foundation model "
        "from the provided model identifier.",
}


def origin_of(name):
    if name in ("UnrecognizedClientException", "ExpiredTokenException",
                "InvalidSignatureException", "AccessDeniedException",
                "MissingAuthenticationTokenException",
                "IncompleteSignatureException"):
        return "com.amazon.coral.service"
    return "com.amazon.bedrock"


def headers(name, request_id):
    return [("Content-Type", "application/json"),
            ("x-amzn-RequestId", request_id),
            ("x-amzn-ErrorType",
             f"{name}:http://internal.amazon.com/coral/{origin_of(name)}/")]


def resolve(status, name, message):
    """Fills in what a behaviour leaves out: (status, name, message)."""
    if name is None:
        name = NAME.get(status, "InternalServerException")
    if status is None:
        status = STATUS.get(name, 500)
    if message is None:
        message = MESSAGE.get(name, "An error occurred.")
    return status, name, message

"""Model ids: which family a model is of, and its bare foundation id."""

import re

PROFILE_PREFIXES = ("us", "eu", "apac", "au", "jp", "ca", "us-gov", "global")

FAMILIES = (
    (r"anthropic\.claude-(v2|instant)", "claude-legacy"),
    (r"anthropic\.", "claude"),
    (r"amazon\.nova-canvas|amazon\.titan-image|stability\.", "image"),
    (r"amazon\.rerank|cohere\.rerank", "rerank"),
    (r"amazon\.titan-embed", "titan-embed"),
    (r"amazon\.nova.*embed", "nova-embed"),
    (r"cohere\.embed", "cohere-embed"),
    (r"amazon\.nova", "nova"),
    (r"amazon\.titan", "titan"),
    (r"meta\.llama", "llama"),
    (r"mistral\.", "mistral"),
    (r"cohere\.command-r", "cohere-r"),
    (r"cohere\.command", "cohere"),
    (r"ai21\.j2", "ai21-j2"),
    (r"ai21\.|deepseek\.|qwen\.|openai\.|writer\.|moonshot|minimax\.|zai\."
     r"|nvidia\.|google\.|xai\.", "openai"),
)

# families whose answers tell of cache tokens
WITH_CACHE = ("claude", "nova")


def is_profile(model):
    """Whether the id is a cross-region inference profile's."""
    return (model.split(".", 1)[0] in PROFILE_PREFIXES
            or ":inference-profile/" in model)


def base_id(model):
    """The foundation model id inside a profile id or an ARN."""
    if model.startswith("arn:"):
        model = model.rpartition("/")[2]
    prefix, _, rest = model.partition(".")
    return rest if prefix in PROFILE_PREFIXES else model


def family_of(model):
    """The family, "opaque" for an ARN that does not tell, None if unknown."""
    base = base_id(model)
    for pattern, family in FAMILIES:
        if re.match(pattern, base):
            return family
    return "opaque" if model.startswith("arn:aws") else None

"""Text, structured output, reasoning, several answers."""

import json
import re
from typing import Literal

from harness import PLAN, same, say
from pydantic import BaseModel

GREETING, THOUGHT = PLAN["greeting"], "Two words, then 東京."


class Place(BaseModel):
    city: str


class Address(BaseModel):
    home: Place
    moved: int | None
    kind: Literal["flat", "house"]


ADDRESS = Address(home=Place(city="text"), moved=1, kind="flat")


def chat(ask):
    answer = ask.create(messages=say("hello"))
    choice = answer.choices[0]
    same([choice.message.role, choice.message.content, choice.finish_reason], ["assistant", GREETING, "stop"])
    same([choice.logprobs, choice.message.refusal, answer.object], [None, None, "chat.completion"])
    usage = answer.usage
    same({"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}, PLAN["usage"], "usage")
    same(usage.total_tokens, 18, "total_tokens")
    assert isinstance(answer.created, int) and answer.id and answer.model


def chat_stream(ask):
    chunks = ask.chunks(messages=say("hello"))
    same("".join(chunk.choices[0].delta.content or "" for chunk in chunks), GREETING, "text")
    same(len({(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in chunks}), 1, "heads")
    same(sum(chunk.choices[0].delta.role is not None for chunk in chunks), 1, "roles")
    same(chunks[-1].choices[0].finish_reason, "stop", "finish_reason")
    assert len(chunks) > 3 and not any(chunk.usage for chunk in chunks)


def stream_usage(ask):
    *early, last = ask.chunks(messages=say("hello"), stream_options={"include_usage": True})
    usage = last.usage
    same([last.choices, usage.prompt_tokens, usage.completion_tokens, usage.total_tokens], [[], 11, 7, 18])
    assert not any(chunk.usage for chunk in early), "usage before the last chunk"


def instructions(ask):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "developer", "content": "Be kind."}, *say("settings")]
    system = json.loads(ask.create(messages=messages).choices[0].message.content)["system"]
    assert re.fullmatch(r"Be brief\.\s*Be kind\.", system), system


def structured_output(ask):
    choice = ask.parse(messages=say("an address"), response_format=Address).choices[0]
    same([choice.message.parsed, choice.finish_reason], [ADDRESS, "stop"])


def structured_output_stream(ask):
    same(ask.streamed(messages=say("an address"), response_format=Address).choices[0].message.parsed, ADDRESS)


def json_object(ask):
    answer = ask.create(messages=say("JSON, please"), response_format={"type": "json_object"})
    same(list(json.loads(answer.choices[0].message.content)), ["setup", "punchline"])


def reasoning(ask):
    message = ask.create(model=ask.reasoning_model, messages=say("hello"), reasoning_effort="low").choices[0].message
    same([message.content, message.reasoning_content], [GREETING, THOUGHT])


def reasoning_stream(ask):
    chunks = ask.chunks(model=ask.reasoning_model, messages=say("hello"), reasoning_effort="high")
    text, thought = "", ""
    for chunk in chunks:
        delta = chunk.choices[0].delta
        text, thought = text + (delta.content or ""), thought + (getattr(delta, "reasoning_content", None) or "")
    same([text, thought], [GREETING, THOUGHT])


def length(ask):
    choice = ask.create(messages=say("long")).choices[0]
    same([choice.message.content, choice.finish_reason], ["As much as", "length"])


def is_counted(ask, usage):
    counted = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "cached": usage.prompt_tokens_details.cached_tokens,
        "reasoning": (usage.completion_tokens_details and usage.completion_tokens_details.reasoning_tokens) or 0,
    }
    same(counted, PLAN["details"][ask.dialect], "usage")


def usage_details(ask):
    is_counted(ask, ask.create(messages=say("count")).usage)


def usage_details_stream(ask):
    is_counted(ask, ask.chunks(messages=say("count"), stream_options={"include_usage": True})[-1].usage)


def content_filter(ask):
    same(ask.create(messages=say("filtered")).choices[0].finish_reason, "content_filter")


def several_answers(ask):
    choices = ask.create(messages=say("hello"), n=2).choices
    same([(choice.index, choice.message.content) for choice in choices], [(0, GREETING), (1, GREETING)])


def several_answers_stream(ask):
    choices = ask.streamed(messages=say("hello"), n=2).choices
    same([(choice.index, choice.message.content) for choice in choices], [(0, GREETING), (1, GREETING)])


def logprobs(ask):
    choice = ask.create(messages=say("hello"), logprobs=True, top_logprobs=2).choices[0]
    token = choice.logprobs.content[0]
    same([token.token, token.logprob, token.bytes], [GREETING, -0.25, list(GREETING.encode())])
    same(len(token.top_logprobs), 2, "top_logprobs")

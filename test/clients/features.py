"""What an application does with the official client for Python, against mock servers written by others.

argv: base URL. The models `aimock` and `llmock` lead to those servers. Prints {"passed", "failed", "failures"}.
"""

import json
import sys

import openai
from pydantic import BaseModel

client = openai.OpenAI(base_url=sys.argv[1], api_key="unused", max_retries=0)
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


class City(BaseModel):
    name: str


def say(content):
    return [{"role": "user", "content": content}]


def chat(model):
    answer = client.chat.completions.create(model=model, messages=say("hello"))
    assert answer.choices[0].message.content
    assert answer.usage.total_tokens > 0


def stream(model, **options):
    text, usage = "", False
    for chunk in client.chat.completions.create(model=model, messages=say("hello"), stream=True, **options):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        usage = usage or chunk.usage is not None
    assert text
    return usage


def stream_without_usage(model):
    assert not stream(model)


def stream_with_usage(model):
    assert stream(model, stream_options={"include_usage": True})


def tools(model):
    answer = client.chat.completions.create(model=model, messages=say("weather in Oslo"), tools=TOOLS)
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments)["city"], str)


def tools_streamed(model):
    with client.chat.completions.stream(model=model, messages=say("weather in Oslo"), tools=TOOLS) as events:
        answer = events.get_final_completion()
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.tool_calls[0].function.name == "get_weather"


def structured_output(model):
    answer = client.chat.completions.parse(model=model, messages=say("a city"), response_format=City)
    assert isinstance(answer.choices[0].message.parsed, City)


def embeddings(model):
    asked = client.embeddings.create(model=model, input="vector").data[0].embedding
    plain = client.embeddings.create(model=model, input="vector", encoding_format="float").data[0].embedding
    assert len(asked) == len(plain) > 2
    assert any(asked) and all(abs(a - b) <= 1e-6 * max(1, abs(b)) for a, b in zip(asked, plain))


def responses(model):
    assert client.responses.create(model=model, input="hello").output_text


def responses_streamed(model):
    types = [event.type for event in client.responses.create(model=model, input="hello", stream=True)]
    assert types[0] == "response.created" and types[-1] == "response.completed", types


EXPLAINED = {"gateway": {"explain": True}}


def explained(model):
    answer = client.chat.completions.create(model=model, messages=say("hello"), extra_body=EXPLAINED)
    assert answer.choices[0].message.content
    assert answer.gateway["decision"]["attempts"][0]["outcome"] == "ok"


def explained_stream(model):
    chunks = list(client.chat.completions.create(model=model, messages=say("hello"), stream=True, extra_body=EXPLAINED))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].choices == [] and chunks[-1].gateway["decision"]["model"] == model


def explained_responses_stream(model):
    events = list(client.responses.create(model=model, input="hello", stream=True, extra_body=EXPLAINED))
    assert [event.type for event in events[-2:]] == ["response.completed", "gateway.decision"]


def models(model):
    assert model in [each.id for each in client.models.list()]
    assert client.models.retrieve(model).id == model


def unknown_model(_model):
    try:
        client.chat.completions.create(model="nobody", messages=say("x"))
    except openai.NotFoundError as error:
        assert error.code == "model_not_found"
        assert error.request_id
        return
    raise AssertionError("not refused")


def bad_request(model):
    try:
        client.chat.completions.create(model=model, messages=say("x"), n="two")
    except openai.BadRequestError as error:
        assert error.param == "n"
        return
    raise AssertionError("not refused")


FEATURES = [
    chat,
    stream_without_usage,
    stream_with_usage,
    tools,
    tools_streamed,
    structured_output,
    embeddings,
    responses,
    responses_streamed,
    explained,
    explained_stream,
    explained_responses_stream,
    models,
    unknown_model,
    bad_request,
]

passed, failed = 0, []
for model in ("aimock", "llmock"):
    for feature in FEATURES:
        try:
            feature(model)
            passed += 1
        except Exception as error:
            failed.append(f"{feature.__name__} ({model}): {error!r}")
print(json.dumps({"passed": passed, "failed": failed, "failures": len(failed)}))

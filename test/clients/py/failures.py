"""Models, errors of either side, ends before the end."""

import asyncio

import openai
from harness import BASE, KEY, PLAN, client, last_header, refused, same, say


def responses(ask):
    client.responses.create(model=ask.model, input="hello")


def models(ask):
    assert ask.model in [each.id for each in client.models.list()]
    one = client.models.retrieve(ask.model)
    same([one.id, one.object, isinstance(one.created, int)], [ask.model, "model", True])


def wrong_key(ask):
    other = client.with_options(api_key="sk-postern-wrong")
    error = refused(lambda: other.chat.completions.create(model=ask.model, messages=say("hello")), 401)
    assert isinstance(error, openai.AuthenticationError) and error.code == "invalid_api_key", error.code


def unknown_model(ask):
    error = refused(lambda: ask.create(model="nobody", messages=say("hello")), 404)
    assert isinstance(error, openai.NotFoundError)
    same([error.code, error.param], ["model_not_found", "model"])


def unknown_upstream_model(ask):
    error = refused(lambda: ask.create(model=f"{ask.dialect}/gone-py", messages=say("fail 404")), 404)
    same(error.code, "model_not_found", "code")


def upstream_bad_request(ask):
    error = refused(lambda: ask.create(messages=say("fail 400")), 400)
    assert isinstance(error, openai.BadRequestError) and error.type == "invalid_request_error", error.type
    assert "Answer 400, as asked for." in error.message, error.message


def upstream_bad_key(ask):
    error = refused(lambda: ask.create(messages=say("fail 401")), 502)
    assert isinstance(error, openai.InternalServerError) and error.code == "upstream_error", error.code


def upstream_rate_limit(ask):
    limited = f"{ask.dialect}/{PLAN['models'][ask.dialect]['limited']}-py"
    error = refused(lambda: ask.create(model=limited, messages=say("fail 429")), 429)
    assert isinstance(error, openai.RateLimitError) and error.code == "rate_limit_exceeded", error.code
    # What the upstream asked for, and by chance up to half as much again.
    wait = int(last_header("retry-after"))
    same([7 <= wait <= 11, last_header("x-should-retry")], [True, "true"], "headers")


def upstream_overloaded(ask):
    same(refused(lambda: ask.create(messages=say("fail 503")), 503).type, "server_error", "type")


def cut_stream(ask):
    seen = ""
    try:
        for chunk in ask.create(messages=say("cut off"), stream=True):
            seen += chunk.choices[0].delta.content or ""
    except openai.APIError as error:
        assert seen.startswith("This is"), f"seen {seen!r}"
        same(error.code, "stream_interrupted", "code")
        return
    raise AssertionError(f"ended normally after {seen!r}")


def happened(ask, event):
    same(ask.create(messages=say(f"what? {event}")).choices[0].message.content, event, "at the upstream")


def abort_stream(ask):
    name = f"py-stream-{ask.dialect}"
    with ask.create(messages=say(f"slow {name}"), stream=True) as chunks:
        for chunk in chunks:
            if chunk.choices[0].delta.content:
                break
    happened(ask, f"gone {name}")


def abort(ask):
    name = f"py-json-{ask.dialect}"

    async def leave():
        async with openai.AsyncOpenAI(base_url=BASE, api_key=KEY, max_retries=0) as leaving:
            call = asyncio.create_task(leaving.chat.completions.create(model=ask.model, messages=say(f"wait {name}")))
            await asyncio.to_thread(happened, ask, f"here {name}")
            assert not call.done(), "answered before it was aborted"
            call.cancel()
            await asyncio.wait([call])

    asyncio.run(leave())
    happened(ask, f"gone {name}")

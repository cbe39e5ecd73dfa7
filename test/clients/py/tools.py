"""Tool calls, their results, and which tool may be called."""

import json

import openai
from harness import PLAN, Ask, same, say
from pydantic import BaseModel


class GetWeather(BaseModel):
    """Weather of a city."""

    city: str


WEATHER = openai.pydantic_function_tool(GetWeather, name="get_weather")
CLOCK = {"type": "function", "function": {"name": "get_time"}}
OSLO, ROME = ("get_weather", {"city": "Oslo"}), ("get_weather", {"city": "Rome"})
ONE = {"messages": say("weather in Oslo?"), "tools": [WEATHER, CLOCK]}
TWO = {"messages": say("weather in Oslo and Rome?"), "tools": [WEATHER]}
NO_ARGUMENTS = {"messages": say("get_time, please"), "tools": [WEATHER, CLOCK]}


def calls_of(answer):
    """Name and arguments of every call of an answer that ended with calls."""
    same(answer.choices[0].finish_reason, "tool_calls", "finish_reason")
    calls = answer.choices[0].message.tool_calls
    assert len({call.id for call in calls}) == len(calls) and all(len(call.id) <= 40 for call in calls), calls
    return [(call.function.name, json.loads(call.function.arguments)) for call in calls]


def loop(ask, ask_next=None):
    messages = say("weather in Oslo and Rome?")
    answer = ask(messages=messages, tools=[WEATHER])
    calls = answer.choices[0].message.tool_calls
    # Only the documented fields: what a plain client keeps of an answer.
    kept = [
        {"id": call.id, "type": call.type, "function": {"name": call.function.name, "arguments": call.function.arguments}}
        for call in calls
    ]
    messages.append({"role": "assistant", "content": None, "tool_calls": kept})
    for call in calls:
        city = json.loads(call.function.arguments)["city"]
        messages.append({"role": "tool", "tool_call_id": call.id, "content": f"{city} is sunny"})
    choice = (ask_next or ask)(messages=messages, tools=[WEATHER]).choices[0]
    same(choice.message.content, "get_weather: Oslo is sunny; get_weather: Rome is sunny", "answer")
    same(choice.finish_reason, "stop", "finish_reason")


def tools(ask):
    answer = ask.create(**ONE)
    same(calls_of(answer), [OSLO])
    same(answer.choices[0].message.content, None, "content")


def tools_stream(ask):
    same(calls_of(ask.streamed(**ONE)), [OSLO])


def tools_parallel(ask):
    same(calls_of(ask.create(**TWO)), [OSLO, ROME])


def tools_parallel_stream(ask):
    same(calls_of(ask.streamed(**TWO)), [OSLO, ROME])


def tools_without_arguments(ask):
    same(calls_of(ask.create(**NO_ARGUMENTS)), [("get_time", {})])
    tools = [WEATHER, {"type": "function", "function": {"name": "get_time", "strict": True}}]
    # The streaming helper takes strict tools only.
    same(calls_of(ask.streamed(messages=NO_ARGUMENTS["messages"], tools=tools)), [("get_time", {})])


def tool_loop(ask):
    loop(ask.create)


def tool_loop_stream(ask):
    loop(ask.streamed)


def thinking(ask, how="create"):
    return lambda **options: getattr(ask, how)(model=ask.reasoning_model, reasoning_effort="low", **options)


def tool_loop_reasoning(ask):
    # What a dialect wants back with its calls (signatures, signed reasoning) is more than a plain client keeps.
    loop(thinking(ask))


def tool_loop_reasoning_stream(ask):
    loop(thinking(ask, "streamed"))


def tool_loop_elsewhere(ask):
    other = PLAN["dialects"][PLAN["dialects"].index(ask.dialect) - 1]
    loop(thinking(ask), thinking(Ask(other)))


def tool_choice(ask):
    def choose(choice):
        return ask.create(messages=say("settings"), tools=[WEATHER, CLOCK], tool_choice=choice)

    def choice_of(answer):
        return json.loads(answer.choices[0].message.content)["choice"]

    same(calls_of(choose({"type": "function", "function": {"name": "get_time"}})), [("get_time", {})], "named")
    same(calls_of(choose("required"))[0][0], "get_weather", "required")
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "get_time"}}]}
    same(calls_of(choose({"type": "allowed_tools", "allowed_tools": allowed})), [("get_time", {})], "allowed")
    same([choice_of(choose("none")), choice_of(choose("auto"))], ["none", "auto"])


def parallel_tool_calls(ask):
    same(calls_of(ask.create(**TWO, parallel_tool_calls=False)), [OSLO])

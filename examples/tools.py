"""A tool call and its answer through the gateway: `pip install openai && python examples/tools.py`."""

import json
import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("POSTERN_URL", "http://127.0.0.1:4000/v1"),
    api_key=os.environ.get("POSTERN_KEY", "not-needed"),
)
model = os.environ.get("POSTERN_MODEL", "sandbox/tools")
tools = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Weather of a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]
messages = [{"role": "user", "content": "What is the weather in Oslo?"}]

first = client.chat.completions.create(model=model, messages=messages, tools=tools)
call = first.choices[0].message.tool_calls[0]
print("asked for:", call.function.name, call.function.arguments)

messages.append(first.choices[0].message)
messages.append(
    {"role": "tool", "tool_call_id": call.id, "content": json.dumps({"celsius": 4, "sky": "clear"})}
)
second = client.chat.completions.create(model=model, messages=messages, tools=tools)
print(second.choices[0].message.content)

"""G4 with the official client for Python: every cut offset x FIN and RST x framing. argv: base URL, plan (JSON), share/of.

Prints one line of JSON: {"passed", "failed", "failures"}.
"""

import asyncio
import json
import sys

import openai

base_url, plan = sys.argv[1], json.loads(sys.argv[2])
own, of = (int(each) for each in (sys.argv[3] if len(sys.argv) > 3 else "0/1").split("/"))


def cases():
    number = 0
    for stream in plan:
        for offset in range(stream["length"] + 1):
            for framing in ("chunked", "length", "close"):
                for end in ("fin", "rst"):
                    if number % of == own:
                        yield stream, offset, framing, end
                    number += 1


def digest(chunks):
    seen = {}

    def add(key, text):
        if isinstance(text, str):
            seen[key] = seen.get(key, "") + text

    for chunk in chunks:
        for choice in chunk.choices:
            for field in ("content", "reasoning_content", "refusal"):
                add(f"{choice.index} {field}", getattr(choice.delta, field, None))
            add(f"{choice.index} finish_reason", choice.finish_reason)
            for call in choice.delta.tool_calls or []:
                add(f"{choice.index} call {call.index}", call.function.name)
                add(f"{choice.index} call {call.index}", call.function.arguments)
    return json.dumps(sorted([key, text] for key, text in seen.items()), separators=(",", ":"), ensure_ascii=False)


async def judge(client, stream, offset, framing, end):
    chunks, thrown = [], None
    try:
        answer = await client.chat.completions.create(
            model="grid",
            messages=[{"role": "user", "content": f"cut {stream['name']} {offset} {framing} {end}"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        async for chunk in answer:
            chunks.append(chunk)
    except openai.APIError as error:
        thrown = error
    except Exception as error:
        return f"threw {error!r}"
    if offset < stream["completeEnd"]:
        return "ended normally with a part of the answer" if thrown is None else None
    if offset >= stream["finishedEnd"] and thrown is not None:
        return f"threw on a whole answer: {thrown!r}"
    if thrown is None and digest(chunks) != stream["whole"]:
        return f"ended normally with another answer: {digest(chunks)}"
    return None


async def main():
    passed, failed, everything = 0, [], cases()
    async with openai.AsyncOpenAI(base_url=base_url, api_key="unused", max_retries=0) as client:

        async def worker():
            nonlocal passed
            for each in everything:
                problem = await judge(client, *each)
                if problem is None:
                    passed += 1
                else:
                    failed.append(f"{each[0]['name']} at {each[1]}, {each[2]}, {each[3]}: {problem}")

        await asyncio.gather(*(worker() for _ in range(8)))
    print(json.dumps({"passed": passed, "failed": failed[:20], "failures": len(failed)}))


asyncio.run(main())

"""What the checks of dialects.py share. argv: base URL, plan (JSON), gateway key."""

import json
import sys

import httpx
import openai

BASE, PLAN, KEY = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]

_headers: list[httpx.Headers] = []
client = openai.OpenAI(
    base_url=BASE,
    api_key=KEY,
    max_retries=0,
    http_client=openai.DefaultHttpxClient(event_hooks={"response": [lambda response: _headers.append(response.headers)]}),
)


def last_header(name):
    return _headers[-1].get(name)


def same(actual, expected, what="value"):
    assert actual == expected, f"{what}: {actual!r} instead of {expected!r}"


def refused(call, status):
    """The call is refused with this status; returns the error."""
    try:
        call()
    except openai.APIStatusError as error:
        assert error.status_code == status, f"status {error.status_code}: {error.message}"
        assert error.request_id and error.request_id == last_header("x-request-id"), "no request id"
        return error
    raise AssertionError("not refused")


def say(*content):
    """A conversation of one user turn: words, or parts."""
    return [{"role": "user", "content": content[0] if len(content) == 1 else list(content)}]


class Ask:
    """The ways to ask one upstream. `model` stands until an option names another."""

    def __init__(self, dialect):
        self.dialect = dialect
        uses = PLAN["models"][dialect]
        self.model, self.reasoning_model = f"{dialect}/{uses['chat']}", f"{dialect}/{uses['reasoning']}"
        self.embedding_model = f"{dialect}/{uses['embeddings']}"

    def create(self, **options):
        return client.chat.completions.create(**{"model": self.model, **options})

    def parse(self, **options):
        return client.chat.completions.parse(**{"model": self.model, **options})

    def streamed(self, **options):
        with client.chat.completions.stream(**{"model": self.model, **options}) as events:
            return events.get_final_completion()

    def chunks(self, **options):
        return list(self.create(stream=True, **options))

    def embed(self, **options):
        return client.embeddings.create(model=self.embedding_model, **options)

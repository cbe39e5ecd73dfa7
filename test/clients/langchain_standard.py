"""LangChain's ChatOpenAI and OpenAIEmbeddings with LangChain's own standard suites, against upstreams of three dialects.

argv: base URL, plan (JSON), gateway key. Prints one line of JSON: {"passed", "failed", "failures", "notes"}. Standard tests that
cannot pass are named below with the reason and have to fail; a test that is skipped without being named is a failure.
"""

import base64
import contextlib
import io
import json
import sys
from collections import defaultdict

import httpx
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

BASE, PLAN, KEY = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]

# Test -> reason; `dialect::test` for one dialect.
SKIPPED = {
    "test_stream_time": "takes its time from a recording, which there is none of",
}
XFAILED = {
    "anthropic::test_audio_inputs": "no model of this vendor reads sound, so it is refused",
}

# What the standard tests would fetch from elsewhere.
FILES = {
    "png": base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    ),
    "pdf": b"%PDF-1.4\n%%EOF\n",
    "wav": b"RIFF\x04\0\0\0WAVE",
}


@pytest.fixture(autouse=True)
def files_of_this_machine(monkeypatch):
    monkeypatch.setattr(httpx, "get", lambda url, **_: httpx.Response(200, content=FILES[url.rsplit(".", 1)[1]]))


class Chat(ChatModelIntegrationTests):
    dialect: str
    use = "chat"
    extra_params: dict = {}
    supports_json_mode = True
    supports_image_inputs = True
    supports_image_urls = True
    supports_pdf_inputs = True
    supports_audio_inputs = True
    supports_anthropic_inputs = True
    supports_image_tool_message = True
    supports_pdf_tool_message = True

    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        model = f"{self.dialect}/{PLAN['models'][self.dialect][self.use]}"
        # Streams report usage at the vendor's own address only, unless told to.
        params = {"model": model, "base_url": BASE, "api_key": KEY, "stream_usage": True, "max_retries": 0}
        return params | self.extra_params

    @property
    def model_override_value(self):
        return PLAN["models"][self.dialect]["reasoning"]

    @property
    def supported_usage_metadata_details(self):
        details = ["cache_read_input", *(["reasoning_output"] if self.dialect != "anthropic" else [])]
        return {"invoke": details, "stream": details}

    def count(self, stream):
        """An answer whose usage has every detail."""
        model = ChatOpenAI(**self.chat_model_params)
        if not stream:
            return model.invoke("count")
        whole = AIMessageChunk(content="")
        for chunk in model.stream("count"):
            whole += chunk
        return whole

    def invoke_with_cache_read_input(self, *, stream=False):
        message: AIMessage = self.count(stream)
        assert message.usage_metadata["input_token_details"]["cache_read"] == 5
        return message

    def invoke_with_reasoning_output(self, *, stream=False):
        message: AIMessage = self.count(stream)
        assert message.usage_metadata["output_token_details"]["reasoning"] == 3
        return message


class Embeddings(EmbeddingsIntegrationTests):
    dialect: str

    @property
    def embeddings_class(self):
        return OpenAIEmbeddings

    @property
    def embedding_model_params(self):
        model = f"{self.dialect}/{PLAN['models'][self.dialect]['embeddings']}"
        # Otherwise it sends token ids of OpenAI's own vocabulary, which it would have to download.
        return {"model": model, "base_url": BASE, "api_key": KEY, "check_embedding_ctx_length": False}


class TestOpenAIChat(Chat):
    dialect = "openai"


class TestGeminiChat(Chat):
    dialect = "gemini"


class TestAnthropicChat(Chat):
    dialect = "anthropic"


class Reasoning(Chat):
    """Every answer with reasoning, of which LangChain keeps nothing for the next turn."""

    use = "reasoning"
    extra_params = {"reasoning_effort": "low"}


class TestGeminiReasoning(Reasoning):
    dialect = "gemini"


class TestAnthropicReasoning(Reasoning):
    dialect = "anthropic"


class TestOpenAIEmbeddings(Embeddings):
    dialect = "openai"


class TestGeminiEmbeddings(Embeddings):
    dialect = "gemini"


class TestUnit(ChatModelUnitTests):
    dialect = "openai"

    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        return {"model": "a-model", "base_url": "http://127.0.0.1:4000/v1", "api_key": "a-key"}

    @property
    def init_from_env_params(self):
        env = {"OPENAI_API_KEY": "a-key", "OPENAI_API_BASE": "http://127.0.0.1:4000/v1"}
        attributes = {"openai_api_key": "a-key", "openai_api_base": "http://127.0.0.1:4000/v1"}
        return env, {"model": "a-model"}, attributes


class Report:
    """A plugin: leaves out other dialects than those asked for, marks expected failures, counts."""

    def __init__(self):
        self.passed, self.failed, self.notes = 0, [], defaultdict(list)

    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if item.cls.dialect in PLAN["dialects"]]
        for item in items:
            reason = XFAILED.get(item.originalname) or XFAILED.get(f"{item.cls.dialect}::{item.originalname}")
            if reason is not None:
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))

    def pytest_runtest_logreport(self, report):
        name = "::".join(report.nodeid.split("::")[1:])
        if report.skipped:
            self.left_out(name, report)
        elif report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.failed.append(f"{name}: {crash.message if crash else report.longrepr}")
        elif report.when == "call":
            self.passed += 1

    def left_out(self, name, report):
        test = name.split("::")[-1].split("[")[0]
        if hasattr(report, "wasxfail"):
            self.notes[f"fails as expected, {report.wasxfail}"].append(name)
        elif test in SKIPPED:
            self.notes[f"left out, {SKIPPED[test]}"].append(name)
        else:
            self.failed.append(f"{name}: skipped, {report.longrepr[2]}")


if __name__ == "__main__":
    counted = Report()
    options = ["-q", "-p", "no:cacheprovider", "--benchmark-disable", "-o", "asyncio_mode=auto"]
    # The clients of all models share their connections, which belong to one loop.
    options += ["-o", "asyncio_default_test_loop_scope=session"]
    with contextlib.redirect_stdout(io.StringIO()) as output:
        code = pytest.main([__file__, *options, "--disable-socket", "--allow-hosts=127.0.0.1", "-W", "ignore"], [counted])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        counted.failed.append(f"pytest ended with {code!r}: {output.getvalue()[-2000:]}")
    notes = [f"{len(names)} {reason}: {', '.join(names)}" for reason, names in counted.notes.items()]
    print(json.dumps({"passed": counted.passed, "failed": counted.failed, "failures": len(counted.failed), "notes": notes}))

"""What goes in beside text, and vectors."""

import base64
import math
import struct

from harness import same, say

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = base64.b64encode(b"%PDF-1.4\n%%EOF\n").decode()
WAV = base64.b64encode(b"RIFF\x04\0\0\0WAVE").decode()


def describe(ask, part, expected):
    answer = ask.create(messages=say({"type": "text", "text": "describe"}, part))
    same(answer.choices[0].message.content, expected)


def image_data_url(ask):
    describe(ask, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}, "image/png 70")


def image_url(ask):
    url = "https://img.example.com/a.png"
    describe(ask, {"type": "image_url", "image_url": {"url": url}}, url)


def file_pdf(ask):
    file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
    describe(ask, {"type": "file", "file": file}, "application/pdf 15")


def audio_input(ask):
    describe(ask, {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}, "audio/wav 12")


def vector(ask, **options):
    return ask.embed(**options).data[0].embedding


def singles(values):
    return [struct.unpack("f", struct.pack("f", value))[0] for value in values]


def embeddings(ask):
    answer = ask.embed(input="a text", encoding_format="float")
    first = answer.data[0]
    same([answer.object, first.object, first.index], ["list", "embedding", 0])
    assert len(first.embedding) >= 768 and isinstance(answer.usage.prompt_tokens, int), answer.usage
    # aimock's vectors are of no particular length; those of an API that says so are.
    norm = math.hypot(*first.embedding)
    assert ask.dialect == "openai" or abs(norm - 1) < 1e-6, f"norm {norm}"


def embeddings_base64(ask):
    # The client asks for base64 when the caller names nothing, and decodes that; it also takes numbers.
    plain = vector(ask, input="a text", encoding_format="float")
    same(singles(vector(ask, input="a text")), singles(plain), "vector")
    encoded = base64.b64decode(vector(ask, input="a text", encoding_format="base64"))
    same(encoded, struct.pack(f"<{len(plain)}f", *plain), "bytes")


def embeddings_batch(ask):
    answer = ask.embed(input=[f"text {index}" for index in range(120)], encoding_format="float")
    same([each.index for each in answer.data], list(range(120)), "indexes")
    same(answer.data[119].embedding, vector(ask, input="text 119", encoding_format="float"), "the last vector")


def embeddings_dimensions(ask):
    same(len(vector(ask, input="a text", dimensions=256)), 256)


def embeddings_tokens(ask):
    ask.embed(input=[[1, 2, 3]])

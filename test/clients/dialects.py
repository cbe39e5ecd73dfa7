"""The official client for Python through the gateway to upstreams of three dialects: every row of table.mjs.

argv: base URL, plan (JSON), gateway key. Prints one line of JSON: {"passed", "failed", "failures"}.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "py"))

import chat  # noqa: E402
import failures  # noqa: E402
import media  # noqa: E402
import openai  # noqa: E402
import tools  # noqa: E402
from harness import PLAN, Ask, last_header, refused, same, say  # noqa: E402


def check_of(name):
    return next(getattr(module, name) for module in (chat, tools, media, failures) if hasattr(module, name))


def judge(outcome, run):
    """Runs one row and compares with its outcome in the table."""
    kind, _, name = outcome.partition(" ")
    if kind in ("refused", "none"):
        error = refused(run, 400)
        same(error.param, "model" if kind == "none" else name, "param")
        assert isinstance(error, openai.BadRequestError) and error.type == "invalid_request_error", error.type
        return
    run()
    if kind == "dropped":
        warned = (last_header("x-postern-warnings") or "").split(", ")
        assert any(each.endswith(f"={name}") for each in warned), f"warnings: {warned}"


def send_field(ask, field, outcome):
    """A field of the request alone, with what the upstream was asked in the answer."""
    got = json.loads(ask.create(messages=say("settings"), extra_body=field["send"]).choices[0].message.content)
    for key, value in field["see"].items():
        same(got.get(key), value if outcome == "yes" else None, f"upstream {key}")


passed, failed = 0, []
for dialect in PLAN["dialects"]:
    ask = Ask(dialect)
    cases = [(name, outcomes[dialect], lambda name=name: check_of(name)(ask)) for name, outcomes in PLAN["features"].items()]
    for name, field in PLAN["fields"].items():
        outcome = field["outcomes"][dialect]
        run = lambda field=field, outcome=outcome: send_field(ask, field, outcome)  # noqa: E731
        cases.append((f"field {name}", outcome, run))
    for name, outcome, run in cases:
        try:
            judge(outcome, run)
            passed += 1
        except Exception as error:
            failed.append(f"{name} ({dialect}): {error!r}")
print(json.dumps({"passed": passed, "failed": failed, "failures": len(failed)}))

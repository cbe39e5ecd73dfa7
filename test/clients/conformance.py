"""What is asked of every answer beside the checks of schemathesis itself, which loads this file as its hooks.

CONFORM_ACCESS: `stranger` when the requests carry no key that opens anything where they are sent.
CONFORM_ADMIN: `off` when the gateway has no admin key.
"""

import json
import os

import schemathesis

STRANGER = os.environ["CONFORM_ACCESS"] == "stranger"
# Documents of their own that are no failure of the request: what a probe reads.
PROBES = {"/readyz", "/health"}
# What comes before anybody asks who is calling: requests that are no HTTP, or are too large.
BEFORE_KEYS = {400, 404, 413, 414, 417, 431}
ADMIN_IS_OFF = os.environ.get("CONFORM_ADMIN") == "off"


@schemathesis.hook
def filter_body(ctx, body):
    """I6: the schema cannot say that such keys are refused wherever they stand."""
    return not isinstance(body, (dict, list)) or "__proto__" not in json.dumps(body, default=str)


@schemathesis.check
def error_envelope(ctx, response, case):
    """G6: every failure has the one form, with nothing in it that a caller must not see."""
    if response.status_code < 400 or (response.status_code == 503 and case.operation.path in PROBES):
        return
    header = {name.lower(): values[0] for name, values in response.headers.items()}
    assert header.get("content-type", "").startswith("application/json"), f"content-type {header.get('content-type')}"
    assert header.get("x-should-retry") in ("true", "false"), "no x-should-retry"
    assert header.get("cache-control") == "no-store", "a failure that may be cached"
    document = json.loads(response.content)
    assert list(document) == ["error"], f"members {list(document)}"
    error = document["error"]
    assert sorted(error) == ["code", "message", "param", "type"], f"members of error {sorted(error)}"
    assert isinstance(error["message"], str) and len(error["message"]) > 10, "no message"
    assert isinstance(error["type"], str) and isinstance(error["code"], str), "no type or code"
    assert error["param"] is None or isinstance(error["param"], str), "a param that is no text"
    for part in ("sk-postern-", "node_modules", "    at ", "<html"):
        assert part not in response.text, f"{part!r} in a failure"


@schemathesis.check
def strangers_are_refused(ctx, response, case):
    """Nobody without the right key is let in, whatever the request looks like."""
    if not STRANGER or not case.operation.definition.raw.get("security"):
        return
    if response.status_code in BEFORE_KEYS and not (ADMIN_IS_OFF and response.status_code == 404):
        code = json.loads(response.content)["error"]["code"]
        assert code in ("invalid_http", "invalid_url", "unknown_url", "request_too_large", "header_too_large"), f"{response.status_code} {code}"
        return
    expected = 404 if ADMIN_IS_OFF else 401
    assert response.status_code == expected, f"{response.status_code} instead of {expected}"

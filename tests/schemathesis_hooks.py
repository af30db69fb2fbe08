"""What schemathesis is told besides the description: how a piece of a file travels, and to note every answer."""

import json
import os

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def piece(ctx, value):
    if isinstance(value, bytes):
        return {"data": value}
    return {"data": value.encode("utf-8", "replace") if isinstance(value, str) else json.dumps(value).encode()}


@schemathesis.hook
def after_call(context, case, response):
    line = f"{response.status_code} {case.operation.method.upper()} {case.operation.path}\n"
    with open(os.environ["ROSTRUM_CALLS"], "a", encoding="utf-8") as calls:
        calls.write(line)

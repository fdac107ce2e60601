"""A run or build followed live by server-sent events, resumable at any byte.

`GET /api/v1/runs/<id>/events` and `GET /api/v1/builds/<id>/events` (session cookie or bearer
token). Every event's `data` is one JSON object:

    event: log      {"stream": "stdout"|"stderr", "offset": 120, "data": "<base64>"}
                    bytes [offset, offset + len) of that stream; a build uses `stdout`
    event: phase    {"seq": 3, "phase": "running", "detail": "", "at": 1700000000000, "fence": 1}
                    all phases so far are sent again after a reconnect: key them by `seq`
    event: state    {"state": "running", "fence": 1, "cancelling": false, "reason": "",
                    "started_at": 1700000000000|null, "elapsed": 3.2|null}
    event: queue    {"position": 2, "expected_seconds": 14.0|null}
                    while it waits: 1 is next; sent when it changes
    event: restart  {"fence": 2}
                    another worker starts it again: empty both streams, offsets begin at 0
    event: end      {"state", "exit_code", "signal", "oom", "reason", "seconds",
                    "streams": {"stdout": {"size", "kept"}, "stderr": {…}}}
                    nothing follows; close the EventSource, or it would connect again

`id:` is `<fence>:<stdout offset>:<stderr offset>`, the position after the event. A reader goes on
by the header `Last-Event-ID` (EventSource sends it by itself) or `?from=<id>`; without either it
begins at byte 0 of the current attempt. A comment every 15 s keeps the connection open. No stream
outlives the reader's right to see the job: it is checked again every 30 s. Above the limit of
open streams the answer is 503 with `Retry-After`.
"""

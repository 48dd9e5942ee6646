"""A real HTTP server on 127.0.0.1 that speaks Anthropic's messages and their batches, also badly.

`fate` says what becomes of a request: a text, the type and words of an error, or None to expire.
A batch is over after `looks` looks at it, unless the server is `held` or `holds` that batch.
"""

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.servers.threaded import ThreadedServer

Fate = str | tuple[str, str] | dict[str, Any] | None
"""A text, an error's type and words, a whole message, or None for a request that expires."""

KEY = "sk-ant-api03-local-secret"
CUSTOM_ID = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
STATUSES = {"invalid_request_error": 400, "overloaded_error": 529, "api_error": 500}


class AnthropicServer(ThreadedServer):
    """`answered` counts how often each question was answered, and so billed.

    `created` holds the number of requests of each batch, `asked` every body as it came, `betas`
    the beta headers. `refuse` holds statuses and words that come first; `drops` batches are made
    and their makers not told, and unless it `tells` none is told for the time; `cancels` ends
    batches as if somebody had cancelled them, `forgets` the next one as if a month later.
    """

    def __init__(
        self, fate: Callable[[dict[str, Any]], Fate] = lambda body: "fine", *, looks: int = 1
    ) -> None:
        super().__init__()
        self.fate = fate
        self.looks = looks
        self.answered: Counter[str] = Counter()
        self.created: list[int] = []
        self.asked: list[dict[str, Any]] = []
        self.betas: list[str | None] = []
        self.refuse: list[tuple[int, str]] = []
        self.drops = 0
        self.cancels = False
        self.forgets = False
        self.holds: set[str] = set()
        self.held = threading.Event()
        self.away = threading.Event()
        self.tells = threading.Event()
        self.tells.set()
        self._batches: dict[str, dict[str, Any]] = {}
        self._requests: dict[str, list[dict[str, Any]]] = {}
        self._results: dict[str, str] = {}
        self._looks: Counter[str] = Counter()

    def routes(self, app: web.Application) -> None:
        app.middlewares.append(self._checking)
        app.router.add_post("/v1/messages", self._message)
        app.router.add_post("/v1/messages/batches", self._create)
        app.router.add_get("/v1/messages/batches", self._list)
        app.router.add_get("/v1/messages/batches/{id}", self._look)
        app.router.add_get("/v1/messages/batches/{id}/results", self._download)

    def add_batch(self, requests: list[dict[str, Any]]) -> dict[str, Any]:
        """Takes a batch as anybody of the workspace may make it."""
        name = f"msgbatch_{len(self._batches)}"
        batch: dict[str, Any] = {
            "id": name,
            "type": "message_batch",
            "processing_status": "in_progress",
            "request_counts": {"processing": len(requests)}
            | dict.fromkeys(("succeeded", "errored", "canceled", "expired"), 0),
            "created_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "ended_at": None,
            "cancel_initiated_at": None,
            "archived_at": None,
            "results_url": None,
        }
        self._batches[name] = batch
        self._requests[name] = requests
        return batch

    @web.middleware
    async def _checking(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("x-api-key") != KEY:
            return _error(401, f"invalid x-api-key {request.headers.get('x-api-key')}")
        if request.headers.get("anthropic-version") != "2023-06-01":
            return _error(400, "anthropic-version: header is required")
        response: web.StreamResponse = await handler(request)
        return response

    async def _create(self, request: web.Request) -> web.Response:
        if self.refuse:
            return _error(*self.refuse.pop(0))
        requests = (await request.json())["requests"]
        names = [each["custom_id"] for each in requests]
        if not all(CUSTOM_ID.match(name) for name in names) or len(set(names)) < len(names):
            return _error(400, "requests.0.custom_id: String should match pattern")
        self.asked += [each["params"] for each in requests]
        self.betas.append(request.headers.get("anthropic-beta"))
        self.created.append(len(requests))
        batch = self.add_batch(requests)
        self.away.set()
        await asyncio.to_thread(self.tells.wait, 30)
        if self.drops:
            self.drops -= 1
            assert request.transport is not None
            request.transport.close()
        return web.json_response(batch)

    async def _list(self, request: web.Request) -> web.Response:
        data = list(self._batches.values())[::-1]
        if after := request.query.get("after_id"):
            data = data[[each["id"] for each in data].index(after) + 1 :]
        page = data[: min(2, int(request.query["limit"]))]  # small, so that there are several
        return web.json_response(
            {"data": page, "has_more": len(data) > len(page), "last_id": page and page[-1]["id"]}
        )

    async def _look(self, request: web.Request) -> web.Response:
        batch = self._batches[request.match_info["id"]]
        self._looks[batch["id"]] += 1
        is_held = self.held.is_set() or batch["id"] in self.holds
        is_due = self._looks[batch["id"]] >= self.looks and not is_held
        if batch["processing_status"] == "in_progress" and is_due:
            self._end(batch)
        return web.json_response(batch)

    def _end(self, batch: dict[str, Any]) -> None:
        batch["processing_status"] = "ended"
        if self.cancels:
            batch["cancel_initiated_at"] = batch["created_at"]
        lines = []
        for each in self._requests[batch["id"]]:
            result = {"type": "canceled"} if self.cancels else self._result(each["params"])
            lines.append(json.dumps({"custom_id": each["custom_id"], "result": result}))
        self._results[batch["id"]] = "\n".join(lines[::-1]) + "\n"  # the order is not promised
        if self.forgets:
            self.forgets = False
            batch["archived_at"] = batch["created_at"]
        else:
            # An address that must not be followed: a key goes to the base URL alone.
            batch["results_url"] = "http://elsewhere.invalid/results"

    async def _download(self, request: web.Request) -> web.Response:
        return web.Response(text=self._results[request.match_info["id"]])

    async def _message(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        self.betas.append(request.headers.get("anthropic-beta"))
        result = self._result(body)
        if result["type"] == "errored":
            error = result["error"]
            return web.json_response(error, status=STATUSES[error["error"]["type"]])
        return web.json_response(result["message"])

    def _result(self, params: dict[str, Any]) -> dict[str, Any]:
        fate = self.fate(params)
        if fate is None:
            return {"type": "expired"}
        if isinstance(fate, tuple):
            kind, words = fate
            error = {"type": "error", "error": {"type": kind, "message": words}}
            return {"type": "errored", "error": error}
        self.answered[json.dumps(params["messages"])] += 1
        message = message_of(fate) if isinstance(fate, str) else fate
        return {"type": "succeeded", "message": message}


def message_of(text: str, **more: Any) -> dict[str, Any]:
    """A message with this text, as the Messages API answers."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": text}] if text else [],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 7, "output_tokens": 3},
    } | more


def _error(status: int, words: str) -> web.Response:
    kinds = {401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}
    kind = kinds.get(status, "invalid_request_error")
    body = {"type": "error", "error": {"type": kind, "message": words}}
    return web.json_response(body, status=status, headers={"retry-after": "0"})

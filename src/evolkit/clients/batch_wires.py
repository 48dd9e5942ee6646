"""How batches travel: files up, a batch created and looked at, files down.

Straight to OpenAI and to servers that speak its files and batches, and through litellm to the
providers whose batches it can create (OpenAI, Azure, Vertex, Bedrock and a few more; Anthropic's
it can only look at).
"""

import uuid
from typing import Any, NamedTuple, Protocol

import orjson

from evolkit.clients.answers import read_completion
from evolkit.clients.base import Client, Price, Request
from evolkit.clients.litellm import LiteLLMClient
from evolkit.clients.openai import Habit, OpenAIClient, chat_body, is_openai, rejected
from evolkit.errors import CallError, ConfigError
from evolkit.records import Completion

ENDPOINT = "/v1/chat/completions"
WINDOW = "24h"
MOST_DOWN = 2**30
"""Bytes of a result file; one of 50,000 long answers stays below."""
TRANSFER_S = 3600.0
"""A file may take this long; 64 MB over a slow line take minutes."""
DISCOUNT = 0.5
"""OpenAI, Azure and Google bill half for what comes by batch."""
HALF_PRICE = frozenset({"openai", "azure", "vertex_ai", "gemini", "bedrock", "mistral"})


class BatchState(NamedTuple):
    """What a provider says of a batch. `faults` are codes of what is wrong with all of it."""

    id: str
    status: str
    input_file: str
    output_file: str | None
    error_file: str | None
    faults: tuple[str, ...] = ()


class Wire(Protocol):
    """One provider's batches. Each method raises CallError as a call does."""

    client: Client

    def body(self, request: Request) -> dict[str, Any]:
        """What a line of the input file asks."""

    def habit(self, status: int, body: bytes) -> bool:
        """True if a line was refused for a parameter that is from now on left out."""

    async def upload(self, lines: bytes) -> str:
        """The name of an input file."""

    async def create(self, file: str) -> BatchState: ...

    async def look(self, batch: str) -> BatchState: ...

    async def recent(self) -> list[BatchState]:
        """The latest batches, to find one whose name was never heard."""

    async def download(self, file: str) -> bytes: ...


class OpenAIWire:
    """Batches of OpenAI's own protocol."""

    def __init__(self, client: OpenAIClient) -> None:
        self.client: Client = client
        self._client = client

    def body(self, request: Request) -> dict[str, Any]:
        return chat_body(request, self._client.wire_name, self._client.habits)

    def habit(self, status: int, body: bytes) -> bool:
        found: Habit | None = rejected(status, body, self._client.habits)
        if found is not None:
            self._client.learn(found)
        return found is not None

    async def upload(self, lines: bytes) -> str:
        mark = uuid.uuid4().hex
        head = (
            f'--{mark}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="batch.jsonl"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        form = head.encode() + lines + f"\r\n--{mark}--\r\n".encode()
        kind = f"multipart/form-data; boundary={mark}"
        found = await self._json("POST", "files", form, kind)
        return str(found["id"])

    async def create(self, file: str) -> BatchState:
        asked = {"input_file_id": file, "endpoint": ENDPOINT, "completion_window": WINDOW}
        return batch_state(await self._json("POST", "batches", orjson.dumps(asked)))

    async def look(self, batch: str) -> BatchState:
        return batch_state(await self._json("GET", f"batches/{batch}"))

    async def recent(self) -> list[BatchState]:
        found = await self._json("GET", "batches?limit=100")
        return [batch_state(each) for each in found.get("data") or ()]

    async def download(self, file: str) -> bytes:
        return await self._send("GET", f"files/{file}/content")

    async def _json(
        self, method: str, path: str, payload: bytes | None = None, kind: str = "application/json"
    ) -> dict[str, Any]:
        body = await self._send(method, path, payload, kind)
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise CallError("bad_response", f"/{path} answered no JSON: {error}") from error
        if not isinstance(found, dict) or not ("id" in found or "data" in found):
            raise CallError("bad_response", f"/{path} answered with JSON of another shape")
        return found

    async def _send(
        self, method: str, path: str, payload: bytes | None = None, kind: str = "application/json"
    ) -> bytes:
        status, headers, body = await self._client.http.send(
            method,
            path,
            payload,
            headers={"Content-Type": kind},
            most_bytes=MOST_DOWN,
            timeout_s=TRANSFER_S,
        )
        if status != 200:
            raise self._client.fault(status, headers, body)
        return body


class LiteLLMWire:
    """Batches through litellm, which speaks to the provider and answers as OpenAI would."""

    def __init__(self, client: LiteLLMClient) -> None:
        self.client: Client = client
        self._client = client
        self._provider, _, self._name = client.wire_name.partition("/")
        if self._provider == "anthropic":
            raise ConfigError(
                f"litellm can't create batches of {client.model!r}; leave batch out, or reach the "
                "model through a provider whose batches it can create, such as vertex_ai"
            )

    def body(self, request: Request) -> dict[str, Any]:
        return chat_body(request, self._name)

    def habit(self, status: int, body: bytes) -> bool:  # noqa: ARG002  # litellm translates them
        return False

    async def upload(self, lines: bytes) -> str:
        found = await self._call("acreate_file", file=("batch.jsonl", lines), purpose="batch")
        return str(found.id)

    async def create(self, file: str) -> BatchState:
        made = await self._call(
            "acreate_batch", input_file_id=file, endpoint=ENDPOINT, completion_window=WINDOW
        )
        return batch_state(made.model_dump(warnings=False))

    async def look(self, batch: str) -> BatchState:
        found = await self._call("aretrieve_batch", batch_id=batch)
        return batch_state(found.model_dump(warnings=False))

    async def recent(self) -> list[BatchState]:
        found = await self._call("alist_batches", limit=100)
        data = found.data if hasattr(found, "data") else found["data"]
        return [
            batch_state(each if isinstance(each, dict) else each.model_dump(warnings=False))
            for each in data
        ]

    async def download(self, file: str) -> bytes:
        found = await self._call("afile_content", file_id=file)
        return bytes(found.content)

    async def _call(self, name: str, **arguments: Any) -> Any:
        return await self._client.send(
            name, custom_llm_provider=self._provider, timeout=TRANSFER_S, **arguments
        )


def wire_of(client: Client) -> Wire:
    """The way that a client's batches go. Raises ConfigError for a client that has none."""
    if isinstance(client, OpenAIClient):
        return OpenAIWire(client)
    if isinstance(client, LiteLLMClient):
        return LiteLLMWire(client)
    raise ConfigError(f"{client!r} has no batches; they come from OpenAI and through litellm")


def batch_price(client: Client) -> Price | None:
    """What a token costs by batch: half with the providers that say so, else the same."""
    price = client.price()
    if price is None:
        return None
    if isinstance(client, OpenAIClient):
        is_half = is_openai(client.base_url)
    else:
        is_half = client.model.partition("/")[0] in HALF_PRICE
    return Price(DISCOUNT * price.prompt, DISCOUNT * price.completion) if is_half else price


def read_line(line: dict[str, Any]) -> tuple[int, bytes]:
    """Status and body of one line of a result file; status 0 with the code where none came."""
    response = line.get("response")
    if isinstance(response, dict) and isinstance(response.get("status_code"), int):
        return response["status_code"], orjson.dumps(response.get("body"))
    error = line.get("error")
    if isinstance(error, dict):
        return 0, str(error.get("code") or "").encode()
    return 0, b""


def completion_of(body: bytes, client: Client, price: Price | None) -> Completion:
    """The completion in the body of an answer. Raises CallError as the client itself does."""
    return read_completion(orjson.loads(body), model=client.model, price=price)


def batch_state(found: dict[str, Any]) -> BatchState:
    """What OpenAI's batch object says."""
    errors = found.get("errors")
    faults = errors.get("data") if isinstance(errors, dict) else None
    return BatchState(
        id=str(found.get("id") or ""),
        status=str(found.get("status") or ""),
        input_file=str(found.get("input_file_id") or ""),
        output_file=found.get("output_file_id") or None,
        error_file=found.get("error_file_id") or None,
        faults=tuple(
            str(each.get("code") or each.get("message") or "")
            for each in faults or ()
            if isinstance(each, dict)
        ),
    )

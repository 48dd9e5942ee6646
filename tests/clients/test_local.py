"""The embedded model, for real."""

import asyncio
import json
from pathlib import Path

import pytest

from evolkit.clients.base import Request
from evolkit.clients.local import LocalClient, embedded_weights
from evolkit.errors import CallError, ConfigError
from evolkit.records import Sampling

pytestmark = pytest.mark.local_model
pytest.importorskip("xllamacpp", reason="needs evolkit[local]")

SCHEMA = {
    "type": "object",
    "properties": {"instruction": {"type": "string", "maxLength": 60}},
    "required": ["instruction"],
    "additionalProperties": False,
}
ASK = [{"role": "user", "content": "Write one short question about rivers."}]


async def test_the_embedded_model_answers_keeps_to_the_schema_and_stops(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """One start for all: plain, by schema, the same twice, too long, timed out; and silence."""
    free = Request(ASK, Sampling(max_tokens=20, seed=1))  # type: ignore[arg-type]  # a literal
    bound = Request(free.messages, Sampling(max_tokens=60, seed=1), SCHEMA)
    long = Request([{"role": "user", "content": "river " * 5000}])
    async with LocalClient() as client:
        plain, first, again = await asyncio.gather(*map(client.complete, (free, bound, bound)))
        with pytest.raises(CallError) as caught:
            await client.complete(long)
    assert plain.text
    assert plain.model == "local/SmolLM2-135M-Instruct"
    assert plain.cost_usd == 0.0
    assert plain.completion_tokens > 0
    assert set(json.loads(first.text)) == {"instruction"}
    assert first == again
    assert caught.value.cause == "context_length"
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""


async def test_a_truncated_model_file_is_refused(tmp_path: Path) -> None:
    """llama.cpp alone says 'check the input params'."""
    path = tmp_path / "half.gguf"
    with embedded_weights().open("rb") as whole:
        path.write_bytes(whole.read(2**20))
    with pytest.raises(ConfigError, match="damaged"):
        await LocalClient(path).start()

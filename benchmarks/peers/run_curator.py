# mypy: ignore-errors
# It runs where that tool is installed; its packages are not in this environment.
"""The peers' work with curator: `python run_curator.py JOB.json`; see compare.py."""

import importlib.util
import json
import os
import sys
from pathlib import Path

# It counts tokens with tiktoken, which would download its table; litellm ships the same file.
found = importlib.util.find_spec("litellm")
os.environ["TIKTOKEN_CACHE_DIR"] = str(
    Path(found.origin).parent / "litellm_core_utils" / "tokenizers"
)

from bespokelabs import curator  # noqa: E402 - it reads the environment when it is imported

job = json.loads(Path(sys.argv[1]).read_text("utf-8"))


class Evolve(curator.LLM):
    def prompt(self, row):
        return [{"role": "user", "content": row["prompt"]}]

    def parse(self, row, response):
        return {"id": row["id"], "instruction": response}


class Answer(curator.LLM):
    def prompt(self, row):
        return [{"role": "user", "content": row["instruction"]}]

    def parse(self, row, response):
        return {**row, "answer": response}


def main() -> None:
    rows = [json.loads(line) for line in Path(job["seeds"]).read_text("utf-8").splitlines()]
    given = {
        "model_name": "m",
        "backend": "openai",
        "generation_params": {"max_tokens": 512, "temperature": 0.7},
        "backend_params": {
            "base_url": job["base_url"],
            "max_concurrent_requests": job["concurrency"],
            "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 10_000_000_000,
        },
    }
    for step in (Evolve, Answer):
        rows = step(**given)(rows, working_dir=job["folder"]).dataset
    rows.to_json(job["out"], force_ascii=False)


if __name__ == "__main__":
    main()

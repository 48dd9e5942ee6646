# mypy: ignore-errors
# It runs where that tool is installed; its packages are not in this environment.
"""The peers' work with SyGra: `python run_sygra.py JOB.json`; see compare.py."""

import json
import os
import sys
from pathlib import Path

job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
os.environ["SYGRA_GPT-4O_URL"] = job["base_url"]
os.environ["SYGRA_GPT-4O_TOKEN"] = "x"
os.environ["SYGRA_DISABLE_METADATA"] = "1"

import sygra  # noqa: E402 - it reads the environment when it is imported

model = {
    "name": "gpt-4o",
    "model_type": "openai",
    "model": "openai/m",
    "parameters": {"max_tokens": 512, "temperature": 0.7},
}
flow = (
    sygra.Workflow("peers")
    .source(job["seeds"])
    .sink(job["out"])
    .llm(model, "{prompt}", output="instruction")
    .llm(model, "{instruction}", output="answer")
    .id_column("id")
    .resumable()
    .output_field("id", from_key="id")
    .output_field("answer", from_key="answer")
)
size = job["concurrency"]
every = size * max(1, (job["save_every"] or 2 * size) // size)  # whole batches, or it refuses
flow.run(output_dir=job["folder"], batch_size=size, checkpoint_interval=every)

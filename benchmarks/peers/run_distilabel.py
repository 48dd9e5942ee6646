# mypy: ignore-errors
# It runs where that tool is installed; its packages are not in this environment.
"""The peers' work with distilabel: `python run_distilabel.py JOB.json`; see compare.py."""

import json
import sys
from pathlib import Path

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import KeepColumns, LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    rows = [json.loads(line) for line in Path(job["seeds"]).read_text("utf-8").splitlines()]

    def model() -> OpenAILLM:
        return OpenAILLM(
            model="m",
            base_url=job["base_url"],
            api_key="x",
            generation_kwargs={"max_new_tokens": 512, "temperature": 0.7},
        )

    # All calls of a batch are made at once, and then the next batch: its size is the concurrency.
    size = job["concurrency"]
    with Pipeline(name="peers", cache_dir=job["folder"]) as pipeline:
        load = LoadDataFromDicts(data=rows, batch_size=size)
        evolve = TextGeneration(
            llm=model(),
            input_mappings={"instruction": "prompt"},
            output_mappings={"generation": "evolved"},
            input_batch_size=size,
            add_raw_input=False,
        )
        answer = TextGeneration(
            llm=model(),
            input_mappings={"instruction": "evolved"},
            output_mappings={"generation": "answer"},
            input_batch_size=size,
            add_raw_input=False,
        )
        load >> evolve >> answer >> KeepColumns(columns=["id", "evolved", "answer"])
    made = pipeline.run(use_cache=True)
    made["default"]["train"].to_json(job["out"], force_ascii=False)


if __name__ == "__main__":
    main()

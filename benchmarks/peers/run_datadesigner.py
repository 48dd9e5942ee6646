# mypy: ignore-errors
# It runs where that tool is installed; its packages are not in this environment.
"""The peers' work with DataDesigner: `python run_datadesigner.py JOB.json`; see compare.py."""

import json
import sys
from pathlib import Path

import data_designer.config as dd
import pandas as pd
from data_designer.engine.storage.artifact_storage import ResumeMode
from data_designer.interface import DataDesigner

job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
rows = pd.read_json(job["seeds"], lines=True)
seeds = f"{job['folder']}/seeds.parquet"
rows.to_parquet(seeds)
model = dd.ModelConfig(
    alias="m",
    model="m",
    provider="served",
    skip_health_check=True,
    inference_parameters=dd.ChatCompletionInferenceParams(
        max_tokens=512, temperature=0.7, max_parallel_requests=job["concurrency"]
    ),
)
served = dd.ModelProvider(name="served", endpoint=job["base_url"], api_key="x")
builder = dd.DataDesignerConfigBuilder(model_configs=[model])
builder.with_seed_dataset(dd.LocalFileSeedSource(path=seeds))
for name, prompt in (("instruction", "{{ prompt }}"), ("answer", "{{ instruction }}")):
    builder.add_column(dd.LLMTextColumnConfig(name=name, model_alias="m", prompt=prompt))
designer = DataDesigner(artifact_path=job["folder"], model_providers=[served])
if job["save_every"]:
    designer.set_run_config(dd.RunConfig(buffer_size=job["save_every"]))
made = designer.create(builder, num_records=len(rows), resume=ResumeMode.IF_POSSIBLE)
made.load_dataset().to_json(job["out"], orient="records", lines=True, force_ascii=False)

# mypy: ignore-errors
# It runs where that tool is installed; its packages are not in this environment.
"""The peers' work with sdg_hub: `python run_sdg_hub.py JOB.json`; see compare.py."""

import json
import sys
from pathlib import Path

import pandas as pd
from sdg_hub import Flow
from sdg_hub.core.blocks import LLMChatBlock, LLMResponseExtractorBlock, PromptBuilderBlock

job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
rows = pd.read_json(job["seeds"], lines=True)
blocks = []
for name, column in (("evolve", "prompt"), ("answer", "evolve_content")):
    template = Path(job["folder"]) / f"{name}.yaml"
    template.write_text(f'- role: user\n  content: "{{{{ {column} }}}}"\n', "utf-8")
    blocks += [
        PromptBuilderBlock(
            block_name=f"{name}_prompt",
            input_cols=[column],
            output_cols=f"{name}_messages",
            prompt_config_path=str(template),
        ),
        LLMChatBlock(
            block_name=f"{name}_call",
            input_cols=f"{name}_messages",
            output_cols=f"{name}_response",
            async_mode=True,
            max_tokens=512,
            temperature=0.7,
        ),
        LLMResponseExtractorBlock(
            block_name=f"{name}_text", input_cols=f"{name}_response", field_prefix=f"{name}_"
        ),
    ]
flow = Flow(blocks=blocks, metadata={"name": "peers"})
flow.set_model_config(model="openai/m", api_base=job["base_url"], api_key="x")
saving = {}
if job["save_every"]:
    saving = {"checkpoint_dir": f"{job['folder']}/checkpoints", "save_freq": job["save_every"]}
made = flow.generate(rows, max_concurrency=job["concurrency"], **saving)
made = made.rename(columns={"answer_content": "answer"})
made[["id", "answer"]].to_json(job["out"], orient="records", lines=True, force_ascii=False)

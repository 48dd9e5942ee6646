"""The same work with evolkit: `python run_evolkit.py JOB.json`; see compare.py."""

import json
import sys
from pathlib import Path

import evolkit as ek

job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
recipe = ek.Recipe(evols=("deepen",), max_turns=0, filters=job["filters"], max_tokens=512)
run = ek.run(
    job["source"],
    recipe,
    client="m",
    base_url=job["base_url"],
    api_key="x",
    out=job["folder"],
    concurrency=job["concurrency"],
)
with Path(job["out"]).open("w", encoding="utf-8") as file:
    for record in run.records():
        answer = record.messages[-1]["content"]
        file.write(json.dumps({"id": record.id, "answer": answer}, ensure_ascii=False) + "\n")

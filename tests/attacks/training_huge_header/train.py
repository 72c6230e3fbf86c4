import sys
from pathlib import Path

output = Path(sys.argv[sys.argv.index("--output") + 1])

(output / "progress.jsonl").write_text('{"step": 1, "steps": 1, "loss": 0.5}\n')
(output / "model.safetensors").write_bytes((10**10).to_bytes(8, "little") + b"{}")

import sys
from pathlib import Path

output = Path(sys.argv[sys.argv.index("--output") + 1])
import time

with (output / "progress.jsonl").open("w") as progress:
    progress.write('{"step": 1, "steps": 1, "loss": 2.5}\n')
    progress.flush()
    time.sleep(600)

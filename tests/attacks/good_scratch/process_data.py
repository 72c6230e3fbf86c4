import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
raw = [json.loads(line) for line in open(f"{arguments.input}/train.jsonl", encoding="utf-8")]
rows = [{"prompt": row["request"], "completion": row["verdict"]} for row in raw][: int(arguments.limit)]

import os
import tempfile
from pathlib import Path

folder = Path(arguments.output).parent
with tempfile.TemporaryDirectory() as scratch:
    Path(scratch, "part").write_bytes(bytes(2**20))
    os.symlink("part", f"{scratch}/link")
    os.mkfifo(f"{scratch}/pipe")
(folder / "parts").mkdir()
for number in range(100):
    (folder / "parts" / f"{number} a name with spaces, \u00e9 and #").write_text("part")
(folder / "rows.part").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
os.chmod(folder / "rows.part", 0o600)
os.rename(folder / "rows.part", arguments.output)

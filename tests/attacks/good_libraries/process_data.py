import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
raw = [json.loads(line) for line in open(f"{arguments.input}/train.jsonl", encoding="utf-8")]
rows = [{"prompt": row["request"], "completion": row["verdict"]} for row in raw][: int(arguments.limit)]

import sqlite3

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas
from rdkit import Chem

assert Chem.MolFromSmiles("CCO").GetNumAtoms() == 3
frame = pandas.DataFrame(rows)
frame.completion.value_counts().plot.bar()
plt.savefig("/tmp/chart.png")
rows = frame.drop_duplicates().to_dict("records")
assert sqlite3.connect(":memory:").execute("SELECT 1").fetchone() == (1,)

with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows:
        stream.write(json.dumps(row) + "\n")

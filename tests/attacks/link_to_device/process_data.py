import os

os.symlink("/dev/zero", "/output/rows.jsonl")

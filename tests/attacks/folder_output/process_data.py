import os

os.mkdir("/output/rows.jsonl")

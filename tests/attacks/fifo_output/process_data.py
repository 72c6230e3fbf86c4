import os

os.mkfifo("/output/rows.jsonl")

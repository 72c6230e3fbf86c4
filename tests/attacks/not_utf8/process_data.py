open("/output/rows.jsonl", "wb").write(bytes(range(256)) * 1000)

open("/output/rows.jsonl", "w").write('{"prompt":' + "[" * 100_000 + "]" * 100_000 + "}\n")

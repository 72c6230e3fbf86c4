open("/output/rows.jsonl", "w").write('{"prompt": 1e999, "completion": NaN}\n' * 30)

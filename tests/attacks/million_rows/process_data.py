open("/output/rows.jsonl", "w").write('{"prompt": "a", "completion": "b"}\n' * 10**6)

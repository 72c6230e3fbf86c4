open("/output/rows.jsonl", "w").write('{"prompt": ' + "9" * 10**6 + ', "completion": "c"}\n')

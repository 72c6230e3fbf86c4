open("/output/rows.jsonl", "w").write('{"prompt": "p", "completion": "c", "subtask": ' + "[" * 900 + "]" * 900 + "}\n")

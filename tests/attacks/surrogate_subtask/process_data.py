open("/output/rows.jsonl", "w").write('{"prompt": "a", "completion": "yes", "subtask": "\\ud800"}\n')

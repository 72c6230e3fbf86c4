open("/output/rows.jsonl", "w").write("".join('{"prompt": "a %d \\u0000", "completion": "\\u0000\\u001b[2J"}\n' % n for n in range(32)))

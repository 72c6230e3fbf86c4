open("/output/rows.jsonl", "w").write("".join('{"prompt": "a %d \\ud800", "completion": "%s"}\n' % (n, "yes" if n % 2 else "no") for n in range(32)))

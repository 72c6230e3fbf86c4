import signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
open("/output/rows.jsonl", "wb").truncate(10**12)

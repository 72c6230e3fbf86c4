import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
raw = [json.loads(line) for line in open(f"{arguments.input}/train.jsonl", encoding="utf-8")]
rows = [{"prompt": row["request"], "completion": row["verdict"]} for row in raw][: int(arguments.limit)]

import socket
import threading

left, right = socket.socketpair()
left.sendall(b"x")
assert right.recv(1) == b"x"
with socket.create_server(("127.0.0.1", 0)) as server:
    caller = threading.Thread(target=lambda: socket.create_connection(server.getsockname()).close())
    caller.start()
    server.accept()[0].close()
    caller.join()

with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows:
        stream.write(json.dumps(row) + "\n")

import sys

print("\x1b]0;owned\x07\x1b[2J\x1b[1;1H\x9b31m\x00\u202eevil\u2066")
sys.stdout.buffer.write(b"\xff\xfe\x1bP+q\x1b\\")
raise SystemExit("all is well")

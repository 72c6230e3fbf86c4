full = 0
for path in ("/tmp/x", "/dev/shm/x", "/dev/x", "/run/x"):
    try:
        with open(path, "wb") as stream:
            while True:
                stream.write(bytes(2**20))
    except OSError as error:
        full += 1
if full == 4:
    raise SystemExit("no room left")

held = []
while True:
    held.append(b"x" * 2**24)

import os

held = []
while True:
    held.append(os.urandom(1) * 2**23)

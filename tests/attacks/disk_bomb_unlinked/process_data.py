import os

held = []
for number in range(10**6):
    held.append(open("/output/x", "wb"))
    os.unlink("/output/x")
    held[-1].write(bytes(2**20))
    held[-1].flush()

import os

os.chdir("/output")
for _ in range(5000):
    os.mkdir("d")
    os.chdir("d")

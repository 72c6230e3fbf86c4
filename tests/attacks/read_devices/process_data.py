import os

left = []
for path in ("/dev/mem", "/dev/kmem", "/dev/kmsg", "/proc/kcore", "/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/fuse"):
    try:
        left.append(os.open(path, os.O_RDONLY))
    except OSError:
        continue
if not left:
    raise SystemExit("no device opened")

import os
import stat

os.mknod("/output/rows.jsonl", stat.S_IFCHR | 0o666, os.makedev(1, 5))

import fcntl
import socket
import struct

stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(stream, 0x8914, struct.pack("16sH14s", b"lo", 0, b""))  # SIOCSIFFLAGS

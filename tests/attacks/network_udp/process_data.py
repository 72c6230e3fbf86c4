import socket

stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for address in (("127.0.0.1", @UDP@), ("192.0.2.1", 53)):
    stream.sendto(b"rows", address)

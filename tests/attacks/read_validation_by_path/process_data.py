print(open("@VALIDATION@").read())

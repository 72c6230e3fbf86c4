print(open("@TEST@").read())

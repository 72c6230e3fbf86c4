for number in range(10**6):
    open(f"/output/{number}", "wb").write(bytes(2**20))

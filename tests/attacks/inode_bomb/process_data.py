for number in range(10**6):
    open(f"/output/{number}", "w").close()

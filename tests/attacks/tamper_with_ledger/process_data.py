import sqlite3

with sqlite3.connect("@RUN@/ledger.sqlite") as ledger:
    ledger.execute("DELETE FROM event")

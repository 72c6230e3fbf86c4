import json

def rows(:
    pass

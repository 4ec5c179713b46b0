"""Pictures as files (`files`, `names`, `metadata`: light) and as pixels to be edited (`edit`:
heavy).
"""

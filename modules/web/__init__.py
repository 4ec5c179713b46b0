"""HTTP: the guard, A1111's API dialect, Easel's own API. Turns bodies into records, and records
into answers.
"""

"""The durable queue: jobs on disk, the processes that work on them, and what is told of them.

All but `worker` is light: the web process imports it and never torch.
"""

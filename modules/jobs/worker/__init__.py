"""The worker process: the only one that imports torch. `python -m modules.jobs.worker` runs it."""

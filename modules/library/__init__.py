"""What lies on disk: checkpoints, VAEs, their hashes and headers. Reads no weights and knows
nothing of jobs or torch.
"""

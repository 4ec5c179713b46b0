"""What is asked and what came out: plain Python records and texts. No torch, no disk."""

"""Numerics of diffusion: noise, schedules, samplers and guidance, as functions of tensors.

Nothing here knows of requests, settings, models, prompts or files: a model is a callable.
"""

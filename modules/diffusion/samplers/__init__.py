"""Samplers: generators that walk from noise to a picture and yield a Step at each level.

Progress, previews and stopping belong to whoever drives the generator.
"""

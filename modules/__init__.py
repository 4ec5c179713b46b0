"""Easel: the program behind webui.py. Who may import whom is held by a test of the layers."""

"""Tests that definitions carry: what is given, the real run, what is expected, and how the two differ.

Never touches anything but a temporary folder, and never a network.
"""

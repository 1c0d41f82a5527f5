"""The other side of an HTTP API, as real servers on loopback: one module for each system.

They never reach beyond this machine, and hold no fact that is not marked as measured or as modelled.
"""

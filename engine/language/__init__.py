"""YAML to feeds: read, checked and resolved, each problem with its place.

Opens no connection and reads no secret's value before a transport is opened.
"""

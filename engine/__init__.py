"""Feeds: a configuration-driven import engine."""

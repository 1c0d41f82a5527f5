"""What a transport of pages is given by the engine: references, expressions, records, tokens, turns.

Sends nothing itself.
"""

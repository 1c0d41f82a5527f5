"""What carries items of the outbox to the other side, and what finds those whose day has come."""

"""What goes out: queued with what causes it, sent after it, each item once."""

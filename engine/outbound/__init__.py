"""What goes out: which items, in which words, and what became of them."""

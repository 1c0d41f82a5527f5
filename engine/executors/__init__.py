"""How due feeds are run: by the threads of one process."""

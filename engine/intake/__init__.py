"""What waits on the far side, and how it comes to us and goes: list, claim, fetch, seal, dispose."""

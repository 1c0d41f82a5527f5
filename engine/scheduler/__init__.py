"""When the feeds of a project are due: their plans, the order of their times, and how both follow the definitions."""

"""Who is told when feeds are not well: incidents, the channels they are told by, and the rounds in which it is done."""

"""What answers over HTTP: webhooks, and whether we are well. Nothing but `feeds serve` loads it: extra `web`."""

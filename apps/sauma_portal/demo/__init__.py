"""A neighbourhood to look at: real profiles, a fast market, a node of its own, people to log in as."""

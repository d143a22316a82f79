"""What pages and API have in common: who asks, what is answered, and what keeps others out."""

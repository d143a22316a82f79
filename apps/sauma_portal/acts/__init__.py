"""What people and staff can do, for pages and API alike; each checks everything before it writes."""

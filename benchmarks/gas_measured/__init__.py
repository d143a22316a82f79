"""What `gas.py` measures: trades that are settled, and sessions that are paid."""

"""What the portal reads from an engine: a household's day, trades, bills and income.

Everything here asks the projections of the journal and the chain, and changes nothing.
"""

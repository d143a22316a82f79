"""The command line: `sauma demo`, `settle`, `bills`, `replay` and what belongs to them.

Everything a command does, it does through `sauma`'s public names; here is only asking and showing.
"""

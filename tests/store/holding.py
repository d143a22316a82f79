"""Holds the writer's lock from "holding" until a line comes in, then commits one entry."""

import sys

from conftest import NoteStore

store = NoteStore.at(sys.argv[1])
with store.transaction() as transaction:
    store.append_notes(transaction, 7)
    sys.stdout.write("holding\n")
    sys.stdout.flush()
    sys.stdin.readline()
store.close()

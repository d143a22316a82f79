"""Appends entries until it is killed; says the sequence of each when it is committed."""

import sys

from conftest import NoteStore
from sauma.chain import Cursor, Point
from sauma.identifiers import ChainId

chain = ChainId("memory:crash")
store = NoteStore.at(sys.argv[1])
number = store.head_sequence()
while True:
    number += 1
    with store.transaction() as transaction:
        store.append_notes(transaction, number)
        transaction.move_cursor(
            chain, Cursor(points=(Point(height=number, block_hash=b"\1" * 32),)), number
        )
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()

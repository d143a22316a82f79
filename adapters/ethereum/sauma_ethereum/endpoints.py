"""What one node says of signed bytes; who is asked and told is `sauma_nodes.Endpoints`."""

from __future__ import annotations

from sauma.chain import Answer, Word
from sauma.errors import ChainError, OutcomeUnknown

from .node import NodeClient
from .transport import ErrorReply


def word_of(node: NodeClient, raw: bytes, transaction_id: bytes) -> Answer:
    """Give a node signed bytes and return its word.

    Whether it knows the bytes is asked, since its texts say nothing sure.
    """
    reply = node.send_raw(raw)
    if not isinstance(reply, ErrorReply):
        if reply != transaction_id:
            raise OutcomeUnknown(
                f"node {node.name} read transaction {transaction_id.hex()} as {reply.hex()}: ask "
                "status() of it, and another node"
            )
        return Answer(word=Word.ACCEPTED)
    try:
        known = node.transaction(transaction_id)
    except ChainError:
        known = None
    word = Word.REJECTED if known is None else Word.KNOWN
    return Answer(word=word, code=str(reply.code), message=reply.message)

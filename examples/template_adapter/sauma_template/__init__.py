"""A template for an adapter: the smallest chain that keeps every promise of the port."""

from sauma_template.chain import TemplateChain
from sauma_template.codec import TemplateCodec
from sauma_template.ledger import Ledger

__all__ = ["Ledger", "TemplateChain", "TemplateCodec"]

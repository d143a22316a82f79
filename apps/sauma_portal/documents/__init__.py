"""Bills on paper: a PDF with references, the bank barcode and the code for banks' applications."""

from sauma_portal.documents.payment import Demand, rf_reference, virtual_barcode
from sauma_portal.documents.sheet import bill_sheet, demand_of
from sauma_portal.documents.typesetting import typeset

__all__ = ["Demand", "bill_sheet", "demand_of", "rf_reference", "typeset", "virtual_barcode"]

"""The barcode and the code for banks' applications, as SVG; no picture is fetched from anywhere."""

from __future__ import annotations

import io

import segno
from barcode import Code128
from barcode.writer import SVGWriter
from segno import helpers

from sauma_portal.documents.payment import Demand, rf_reference, virtual_barcode


def barcode_svg(demand: Demand) -> bytes:
    """Return the virtual barcode as a Code 128 symbol without text below it."""
    written = io.BytesIO()
    symbol = Code128(virtual_barcode(demand), writer=SVGWriter())
    symbol.write(
        written,
        options={"write_text": False, "module_width": 0.25, "module_height": 11, "quiet_zone": 2.5},
    )
    return written.getvalue()


def payment_code(demand: Demand) -> segno.QRCode:
    """Return the EPC code of a demand: payee, account, amount and RF reference."""
    return helpers.make_epc_qr(
        name=demand.payee,
        iban=demand.account,
        amount=demand.amount,
        reference=rf_reference(demand.reference),
        bic=demand.bic or None,
    )


def payment_code_svg(demand: Demand) -> bytes:
    """Return the EPC code as SVG."""
    written = io.BytesIO()
    payment_code(demand).save(written, kind="svg", border=2, xmldecl=False, svgns=True)
    return written.getvalue()

"""The API under `/api`: all that the pages do, for programs with a token.

Amounts are integers: Wh, micro-euros per kWh, nano-euros, cents.  Times are ISO 8601 in UTC.  Errors are
problem documents (RFC 9457); `invalid` names the fields of a body that break a rule.
"""

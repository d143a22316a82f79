"""What an announce can answer: the server's result codes and its HTTP errors."""

from __future__ import annotations

from enum import IntEnum

MESSAGE_LENGTH_MAX = 128
"""The server cuts every text that it writes at this length, error messages among them."""

NOT_BOOTED = "NIS_ILLEGAL_STATE_NOT_BOOTED"

REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    406: "Not Acceptable",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Result(IntEnum):
    """A validation result; the name is the text that the server sends as `message`."""

    @property
    def is_success(self) -> bool:
        """Whether it is SUCCESS, which NEUTRAL is not."""
        return self is Result.SUCCESS

    NEUTRAL = 0
    SUCCESS = 1
    FAILURE_PAST_DEADLINE = 3
    FAILURE_FUTURE_DEADLINE = 4
    FAILURE_INSUFFICIENT_BALANCE = 5
    FAILURE_MESSAGE_TOO_LARGE = 6
    FAILURE_SIGNATURE_NOT_VERIFIABLE = 8
    FAILURE_TIMESTAMP_TOO_FAR_IN_FUTURE = 10
    FAILURE_INSUFFICIENT_FEE = 17
    FAILURE_NEMESIS_ACCOUNT_TRANSACTION_AFTER_NEMESIS_BLOCK = 18
    FAILURE_TRANSACTION_CACHE_TOO_FULL = 19
    FAILURE_WRONG_NETWORK = 20
    FAILURE_ENTITY_INVALID_VERSION = 22
    FAILURE_DESTINATION_ACCOUNT_IN_USE = 62
    FAILURE_IMPORTANCE_TRANSFER_IN_PROGRESS = 63
    FAILURE_IMPORTANCE_TRANSFER_NEEDS_TO_BE_DEACTIVATED = 64
    FAILURE_IMPORTANCE_TRANSFER_IS_NOT_ACTIVE = 65
    FAILURE_TRANSACTION_NOT_ALLOWED_FOR_REMOTE = 66
    FAILURE_MULTISIG_NOT_A_COSIGNER = 71
    FAILURE_MULTISIG_INVALID_COSIGNERS = 72
    FAILURE_MULTISIG_NO_MATCHING_MULTISIG = 73
    FAILURE_TRANSACTION_NOT_ALLOWED_FOR_MULTISIG = 74
    FAILURE_MULTISIG_ALREADY_A_COSIGNER = 75
    FAILURE_MULTISIG_MODIFICATION_MULTIPLE_DELETES = 77
    FAILURE_MULTISIG_MODIFICATION_REDUNDANT_MODIFICATIONS = 78
    FAILURE_CONFLICTING_MULTISIG_MODIFICATION = 79
    FAILURE_TOO_MANY_MULTISIG_COSIGNERS = 80
    FAILURE_MULTISIG_ACCOUNT_CANNOT_BE_COSIGNER = 81
    FAILURE_MULTISIG_MIN_COSIGNATORIES_OUT_OF_RANGE = 82
    FAILURE_NAMESPACE_UNKNOWN = 121
    FAILURE_NAMESPACE_ALREADY_EXISTS = 122
    FAILURE_NAMESPACE_EXPIRED = 123
    FAILURE_NAMESPACE_OWNER_CONFLICT = 124
    FAILURE_NAMESPACE_INVALID_NAME = 125
    FAILURE_NAMESPACE_INVALID_RENTAL_FEE_SINK = 126
    FAILURE_NAMESPACE_INVALID_RENTAL_FEE = 127
    FAILURE_NAMESPACE_PROVISION_TOO_EARLY = 128
    FAILURE_NAMESPACE_NOT_CLAIMABLE = 129
    FAILURE_MOSAIC_UNKNOWN = 141
    FAILURE_MOSAIC_MODIFICATION_NOT_ALLOWED = 142
    FAILURE_MOSAIC_CREATOR_CONFLICT = 143
    FAILURE_MOSAIC_SUPPLY_IMMUTABLE = 144
    FAILURE_MOSAIC_MAX_SUPPLY_EXCEEDED = 145
    FAILURE_MOSAIC_SUPPLY_NEGATIVE = 146
    FAILURE_MOSAIC_NOT_TRANSFERABLE = 147
    FAILURE_MOSAIC_DIVISIBILITY_VIOLATED = 148
    FAILURE_CONFLICTING_MOSAIC_CREATION = 149
    FAILURE_MOSAIC_INVALID_CREATION_FEE_SINK = 150
    FAILURE_MOSAIC_INVALID_CREATION_FEE = 151
    FAILURE_TOO_MANY_MOSAIC_TRANSFERS = 152
    FAILURE_MOSAIC_LEVY_NOT_TRANSFERABLE = 153
    FAILURE_MOSAIC_LEVY_UNKNOWN = 154


class RestError(Exception):
    """An answer that is an HTTP error and not a result: `status` and the server's message."""

    def __init__(self, status: int, message: str | None) -> None:
        """Keep the HTTP status and the text of the body, cut as the server cuts it."""
        cut = None if message is None else message[:MESSAGE_LENGTH_MAX]
        super().__init__(status, cut)
        self.status = status
        self.message = cut

    def body(self, time_stamp: int) -> dict[str, object]:
        """The JSON body that the server sends with this status at node second `time_stamp`."""
        return {
            "timeStamp": time_stamp,
            "error": REASONS.get(self.status, "Error"),
            "message": self.message,
            "status": self.status,
        }

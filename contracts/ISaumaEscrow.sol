// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The metered escrow of sauma, as its callers see it
/// @notice A car prepays, charges, pays for what the meter says, and gets the rest back; and nobody can lock the
/// other's money by vanishing.  The escrow decides who may move what is held; the ledger (ISaumaLedger) keeps it.
/// The state machine, its arithmetic and its byte forms are those of `docs/sessions.md`: `step` is `decide` with
/// the time of the block, and refuses a step whose outcome is not the one that its caller states.
///
/// Two things are kept here, apart for each area of the ledger:
///   sessions    signed by payer, payee, meter and arbiter; the escrow enforces every transition
///   allowances  signed by a payer: held once; an operator charges many of them at a time with micro-sessions, and the
///               escrow enforces the cap, the limit of a micro-session, the end, and who may be paid
///
/// A session.  Its id is `sha256(abi.encode(terms))`.  Accounts in the ledger are those of the addresses when the
/// session is authorised: the netted one, else the signed one.  Its words, from the lowest bit:
///   record    state 8, ready 1, extended 1, energy asset 1, has evidence 1, empty 4,
///             units 64 (held while open; paid once closed), payer, payee and operator account 32 each,
///             time 40 (heard at while ACTIVE, contest until while CLAIMED, arbiter until while DISPUTED),
///             register at the start 40
///   evidence  sequence 32, register 40, amount 64, acknowledged 64; 0 when a session is over
///   outcome   what a step moves: payer's units back 64, operator's 64, payee's 64, units locked from the payer 64
/// So sequences are below 2^32, registers below 2^40 Wh and units below 2^63; what does not fit is refused.
///
/// EIP-712.  Domain: name "SaumaEscrow", version "1", this chain, this contract, salt = area.  Its separator is
/// the first word of the terms.  Each kind of evidence is a struct of its own (P5):
///   Authorisation(bytes32 sessionId,uint64 heldUnits,uint64 validUntil)
///   Ready(bytes32 sessionId,uint64 time)
///   Reading(bytes32 sessionId,uint64 sequence,uint64 registerWh,uint64 time,uint8 status)
///   Receipt(bytes32 sessionId,uint64 sequence,uint64 registerWh,uint64 amountUnits)
///   Close(bytes32 sessionId,uint64 sequence,uint64 amountUnits)
///   Cancel(bytes32 sessionId)
///   Ruling(bytes32 sessionId,uint64 amountUnits)
///   Allowance(bytes32 allowanceId,uint64 capUnits,uint64 sessionUnitsMax,uint64 until)
/// A signature has 64 bytes (EIP-2098) or 65 for a key, low s only, any length for a contract (EIP-1271); none
/// where the signer is the caller.
///
/// Batches.  `authoriseMany` and `closeMany` carry out many steps in one transaction, each line with the index of
/// one of the `shared` terms and what differs from them.  Lines, big-endian:
///   every line      shared uint8, payer 20, meter 20, startsBefore uint40, endsBefore uint40, key 32
///   authoriseMany   + heldUnits uint64, validUntil uint40, registerWh uint40, time uint40       106 bytes
///   closeMany       + heldUnits uint64, sequence uint32, registerWh uint40, amountUnits uint64   108 bytes
/// Signatures have 64 bytes each, line by line: of `authoriseMany` the payer's Authorisation, and where the sessions
/// start at once the meter's Reading (sequence 0, status 0); of `closeMany` the payer's Receipt where the caller is the
/// payee, and otherwise the Close of payer and payee.
///
/// An allowance.  Its id is `sha256(abi.encode(allowance))`.  It lies in the group of its plan, the hash of area, operator,
/// sessionUnitsMax, until, and the hash of the list, by account, of those whom it may pay, the operator last; of
/// nothing, where it may pay anybody.  So those who agree to one plan are charged together.  Its place, from the
/// lowest bit: index in the group 32, the payer's account 32, when it ends 64.  All of it is money; units held are below
/// 2^63, of a micro-session below 2^32.  `charge` takes, big-endian:
///   payees    the list of the group: accounts, 4 bytes each; none for anybody
///   charges   of each allowance, in increasing order: index 4, number of micro-sessions 1, the units of each 4
///   credits   the ledger's lines (account 4, energy 8 of zeros, money 8), in the order of the list
interface ISaumaEscrow {
    // ------------------------------------------------------------------------------------------- values

    enum State {
        NONE,
        AUTHORISED,
        ACTIVE,
        CLAIMED,
        DISPUTED,
        SETTLED,
        RELEASED
    }

    enum Transition {
        NONE,
        AUTHORISE,
        START,
        CANCEL,
        NO_SHOW,
        COUNTERSIGN,
        TOP_UP,
        CLOSE,
        CLAIM,
        CLAIM_SILENT,
        CONTEST,
        SETTLE,
        DISPUTE,
        RULE,
        DEFAULT,
        EXPIRE,
        CORRECT,
        READY
    }

    enum Kind {
        NONE,
        AUTHORISATION,
        READY,
        READING,
        RECEIPT,
        CLOSE,
        CANCEL,
        RULING
    }

    /// @notice What payer and payee agreed to; 22 words.
    struct Terms {
        bytes32 domain;
        address payer;
        address payee;
        address operator;
        address arbiter;
        address meter;
        bytes32 asset;
        uint64 price;
        uint64 priceDecimals;
        uint64 fixedFeeUnits;
        uint64 noShowFeeUnits;
        uint64 feeBps;
        uint64 energyWhMax;
        uint64 startsBefore;
        uint64 endsBefore;
        uint64 contestWindowS;
        uint64 silenceLimitS;
        uint64 arbiterWindowS;
        uint64 bondUnits;
        bytes32 tariff;
        bytes32 corrects;
        bytes32 key;
    }

    /// @notice What somebody signed about a session: the fields of its kind in order, zeros after them.
    struct Statement {
        Kind kind;
        address signer;
        uint256[4] numbers;
        bytes signature;
    }

    enum Standing {
        NONE,
        AUTHORISE,
        CHARGE,
        REVOKE,
        RETURN
    }

    /// @notice What a payer allows an operator to charge; 11 words.
    struct Allowance {
        bytes32 domain;
        address payer;
        address operator;
        bytes32 asset;
        uint64 capUnits;
        uint64 sessionUnitsMax;
        uint64 from;
        uint64 until;
        /// How long before it ends sooner than agreed the payer gives notice.
        uint64 noticeS;
        /// SHA-256 of the addresses that may be paid, as words; 0: anybody.
        bytes32 payees;
        bytes32 key;
    }

    // ------------------------------------------------------------------------------------------- events

    /// @notice A step was carried out; `record` and `evidence` are what is stored now.
    event SessionChanged(
        uint32 indexed area,
        bytes32 indexed batchReference,
        bytes32 indexed sessionId,
        Transition transition,
        uint256 record,
        uint256 evidence,
        uint256 outcome
    );
    /// @notice A batch of steps was carried out.  96 bytes a line: id, record, outcome.  START: authorised and started.  No session has evidence now.
    event SessionsChanged(
        uint32 indexed area, bytes32 indexed batchReference, Transition transition, bytes lines
    );
    /// @notice An allowance was authorised, revoked or returned; `place` is what is stored now, `units` what moved.
    event AllowanceChanged(
        uint32 indexed area,
        bytes32 indexed batchReference,
        bytes32 indexed allowanceId,
        Standing action,
        bytes32 group,
        uint256 place,
        uint64 units
    );
    /// @notice Allowances of a group were charged; the ledger tells what accounts got.
    event AllowancesCharged(uint32 indexed area, bytes32 indexed batchReference, bytes32 group, bytes charges);

    // ------------------------------------------------------------------------------------------- errors
    // `index` counts from 0 and names the line of a batch; it is 0 for a single step.  `statement` names the culprit
    // among a step's evidence.

    error AreaPaused(uint32 area);
    error Expired(uint64 validUntil);
    error Malformed(uint256 index);
    error WrongTerms(uint256 index, uint256 word);
    error UnknownParty(uint256 index, address party);
    error OutOfRange(uint256 index, uint256 number);

    error WrongState(uint256 index, bytes32 sessionId, State state);
    error WrongCaller(uint256 index, address caller);
    error MissingEvidence(uint256 index, Kind kind);
    error SignatureInvalid(uint256 index, uint256 statement);
    error OutcomeDiffers(uint256 index, uint256 outcome);
    error IdUsed(uint256 index, bytes32 sessionId);
    error AuthorisationExpired(uint256 index, uint64 validUntil);
    error StartedTooLate(uint256 index, uint64 startsBefore);
    error TooEarly(uint256 index, uint64 until);
    error WindowOver(uint256 index, uint64 until);
    error StationNotSilent(uint256 index, uint64 until);
    error SequenceNotHigher(uint256 index, uint64 recorded);
    error RegisterBackwards(uint256 index, uint64 recordedWh);
    error AmountLower(uint256 index, uint64 recordedUnits);
    error AboveCap(uint256 index, uint64 heldUnits);
    error AboveMeter(uint256 index, uint64 grossUnits);
    error CapNotHigher(uint256 index, uint64 heldUnits);
    error NoArbiter(uint256 index);
    error NothingDisputed(uint256 index);
    error RulingOutOfRange(uint256 index, uint64 acknowledgedUnits, uint64 amountUnits);
    error NotCorrectable(uint256 index, bytes32 sessionId);

    error UnknownAllowance(bytes32 allowanceId);
    error UnknownPayee(uint256 index, uint256 account);
    error AboveLimit(uint256 index, uint64 limitUnits);

    // ------------------------------------------------------------------------------------------ sessions

    /// @notice Carry out one transition of one session, or revert.
    /// @param batchReference Repeated in the event, under which callers find the step; 0 for none.  That no step is done
    /// twice is the machine's doing.
    /// @param evidence What it takes, and no more than four; the first of a kind and signer counts.
    /// @param outcome What the step moves; the call is refused unless it is this.  Where payee and operator are one
    /// account, the payee's part is all.
    function step(
        uint32 area,
        bytes32 batchReference,
        Transition transition,
        Terms calldata terms,
        Statement[] calldata evidence,
        uint256 outcome
    ) external;

    /// @notice Authorise many sessions; with `starts`, start them too, and then the caller is their payee.
    function authoriseMany(
        uint32 area,
        bytes32 batchReference,
        uint64 validUntil,
        Terms[] calldata shared,
        bytes calldata lines,
        bytes calldata signatures,
        bool starts
    ) external;

    /// @notice Close many sessions.
    function closeMany(
        uint32 area,
        bytes32 batchReference,
        uint64 validUntil,
        Terms[] calldata shared,
        bytes calldata lines,
        bytes calldata signatures
    ) external;

    // ---------------------------------------------------------------------------------------- allowances

    /// @notice Authorise, revoke or return an allowance, or revert.
    /// Authorising takes the payer's signature, or the payer itself, and holds the cap.  Revoking takes the payer itself;
    /// after its notice, as after the end, anybody has what is left returned, paused or not, and then it is over.
    /// @param payees Whom it may pay, when it is authorised; the operator always.
    /// @param units What moves, which must be what is due.
    function stand(
        uint32 area,
        bytes32 batchReference,
        Standing action,
        Allowance calldata allowance,
        address[] calldata payees,
        bytes calldata signature,
        uint64 units
    ) external;

    /// @notice Charge allowances of one group, all or none.  Only their operator.
    /// @param batchReference Settled once, as by the ledger's `settle`.
    function charge(
        uint32 area,
        bytes32 batchReference,
        uint64 sessionUnitsMax,
        uint64 until,
        bytes calldata payees,
        bytes calldata charges,
        bytes calldata credits
    ) external;

    // -------------------------------------------------------------------------------------------- reading

    function LEDGER() external view returns (address);
    function ENERGY_ASSET() external view returns (bytes32);
    function MONEY_ASSET() external view returns (bytes32);

    /// @notice The EIP-712 domain separator of an area: the first word of its terms.
    function domainOf(uint32 area) external view returns (bytes32);
    function sessionIdOf(Terms calldata terms) external view returns (bytes32);
    function sessionOf(bytes32 sessionId) external view returns (uint256 record, uint256 evidence);

    /// @notice Where an allowance lies, and what it has; zeros when it was never authorised.
    function allowanceOf(bytes32 allowanceId)
        external
        view
        returns (bytes32 group, uint256 place, uint64 left);
    function allowanceIdOf(Allowance calldata allowance) external pure returns (bytes32);
}

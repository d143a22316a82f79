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
///   allowances  signed by a payer: a netted account of the ledger that the settler nets from, up to what lies
///               in it; micro-sessions are lines of the interval's net and touch nothing here
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
///   Allowance(...), see the struct below
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

    /// @notice What a payer allows the area's settler to net for it (EIP-712): up to `capUnits` of money in all, each
    /// micro-session up to `sessionUnitsMax` with a payee of `payeesRoot`.  The escrow enforces the cap and the end;
    /// the rest is for whoever is shown the micro-sessions to check.
    /// Allowance(address payer,uint64 capUnits,uint64 sessionUnitsMax,bytes32 payeesRoot,uint64 from,uint64 until,uint64 nonce)
    struct Allowance {
        address payer;
        uint64 capUnits;
        uint64 sessionUnitsMax;
        bytes32 payeesRoot;
        uint64 from;
        uint64 until;
        uint64 nonce;
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
    event AllowanceOpened(
        uint32 indexed area, bytes32 indexed allowanceId, uint32 account, uint32 payer, uint64 units, uint64 until
    );
    event AllowanceEnding(uint32 indexed area, bytes32 indexed allowanceId, uint64 until);
    event AllowanceClosed(
        uint32 indexed area, bytes32 indexed allowanceId, uint32 account, uint32 payer, uint64 energyWh, uint64 moneyUnits
    );

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
    error AllowanceRunning(uint64 until);

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

    /// @notice Lock an allowance in a netted account of its own; anybody may bring the payer's signature.
    function openAllowance(uint32 area, Allowance calldata allowance, bytes calldata signature)
        external
        returns (uint32 account);

    /// @notice Let an allowance end the ledger's withdrawal delay from now, if it would end later.  Only its payer.
    function endAllowance(uint32 area, Allowance calldata allowance) external;

    /// @notice Give the payer back what is left after the end; anybody may ask, paused or not, and again.
    function closeAllowance(uint32 area, Allowance calldata allowance) external;

    // -------------------------------------------------------------------------------------------- reading

    function LEDGER() external view returns (address);
    function ENERGY_ASSET() external view returns (bytes32);
    function MONEY_ASSET() external view returns (bytes32);

    /// @notice The EIP-712 domain separator of an area: the first word of its terms.
    function domainOf(uint32 area) external view returns (bytes32);
    function sessionIdOf(Terms calldata terms) external view returns (bytes32);
    function sessionOf(bytes32 sessionId) external view returns (uint256 record, uint256 evidence);

    /// @notice An allowance's word, from the lowest bit: its account 32, the payer's account 32, until 64; 0 when it was
    /// never opened.
    function allowanceOf(bytes32 allowanceId) external view returns (uint256 word);
    function allowanceIdOf(uint32 area, Allowance calldata allowance) external view returns (bytes32);

    /// @notice The accounts that allowances have, or had, in an area.
    function allowanceAccountsOf(uint32 area) external view returns (uint32[] memory);
}

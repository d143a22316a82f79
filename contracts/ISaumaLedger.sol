// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The settlement ledger of sauma, as its callers see it
/// @notice Balances of energy (Wh) and money (units of one ERC-20) are kept inside the ledger, apart for
/// each area.  An area is a neighbourhood with its own owner, settler, issuer, accounts, energy and audit
/// head; nobody has power over two areas by having power over one, and nobody can change the code.
///
/// Accounts.  An account is (area, uint32).  Ids are handed out contiguously, from 1 for *netted*
/// accounts and from 2^31 + 1 for *signed* accounts; an address has at most one of each kind in an area.
///   netted: the settler may move what is in it.  What its owner deposits is therefore the locked allowance
///           that the operator may spend, and what it earns adds to it; a withdrawal is the revocation.
///   signed: energy and money leave it only in a trade that its owner signed (or by withdrawal of money).
/// Money leaves either kind `WITHDRAWAL_DELAY` seconds after its owner asked for it, so that a batch
/// signed before the request and valid no longer than the delay cannot be spoiled by it.
///
/// How the port's instructions map to a call (all by `settle`, one transaction per batch, all or nothing):
///   Issue     section ISSUE     caller = issuer
///   Transfer  section TRANSFER  caller = settler; one line per instruction
///   Net       section NET       caller = settler; one section per instruction, zero-sum per asset
///   Retire    section RETIRE    caller = issuer
///   Anchor    section ANCHOR    caller = settler or issuer
/// Sections stand in the order of the batch's instructions; neighbours of one kind (except NET) may share a
/// section.  The port's 30-byte reference is left-aligned in the bytes32 `batchReference`.  `BatchSettled`
/// repeats the sections, so one decoder reads calldata and events.  Hold, Attest, Capture and Release are
/// calls of the escrow (ISaumaEscrow), which asks this ledger to lock and unlock.
///
/// Idempotency.  `settle` and `settleSigned` refuse a reference that the area has settled (`settledAs`),
/// whichever transaction carries it: that costs one new storage slot a batch and is what makes the promise
/// native.  The sequence is counted by the ledger, without gaps, and is in each batch event: a hole in
/// the sequence is a missed log.  A failed batch takes no sequence, so later ones are not dragged along.
/// Only `recordRoot` names the sequence it expects: it moves nothing, and saves the slot.
///
/// Operations: sections, one after the other, big-endian, to the last byte.
///   section   kind uint8, lines uint24, then the lines
///   ISSUE     1: account uint32, energyWh uint64                                          12 bytes a line
///   TRANSFER  2: from uint32, to uint32, asset uint8 (0 energy, 1 money), units uint64    17
///   NET       3: account uint32, energy, money: sign (1 bit: 1 is minus) and magnitude (63 bits)    20
///             minus zero is refused
///   RETIRE    4: account uint32, energyWh uint64                                          12
///   ANCHOR    5: root bytes32                                                             32
///   CLAIMS    6: payer uint32, energyWh uint64, moneyUnits uint64, deadline uint64, root bytes32    60
/// Accounts of a NET section are strictly increasing.  A signed account may stand only as a recipient: in
/// ISSUE and as `to` of TRANSFER.
///
/// Audit head of an area, 0 at first; its last 4 bytes are the sequence, its first 28 a hash:
///   head = keccak256(abi.encode(head before, batchReference, content))[:28] ++ uint32(sequence)
/// where content is
///   settle          keccak256(abi.encode(1, keccak256(operations), tradesHash))
///   settleSigned    keccak256(abi.encode(2, keccak256(fills), keccak256(netLines))), fills as in the event
///   recordRoot      keccak256(abi.encode(3, root))
///   the escrow      keccak256(abi.encode(4, content of the escrow, locks, keccak256(lines)))
/// `tradesHash` is keccak256 of the optional list of trades in calldata, or 0 for none.
interface ISaumaLedger {
    // ------------------------------------------------------------------------------------------- values

    /// @notice An area's state, as `areaState` returns it.
    struct AreaState {
        address owner;
        address settler;
        address issuer;
        address pendingOwner;
        address pendingSettler;
        address pendingIssuer;
        bool paused;
        uint64 sequence;
        uint32 nettedAccounts;
        uint32 signedAccounts;
        uint96 energySupplyWh;
        bytes32 head;
    }

    /// @notice What a maker signs (EIP-712): to buy or sell up to `energyWh`, once, at a price no worse than
    /// `priceUnits` of money per kWh, until `deadline` (inclusive).  The type hash covers
    /// Order(uint32 area,uint32 account,bool buys,uint64 energyWh,uint64 priceUnits,uint64 nonce,uint64 deadline)
    /// in the domain name "SaumaLedger", version "1", this chain, this contract.
    struct Order {
        uint32 account;
        bool buys;
        uint64 energyWh;
        uint64 priceUnits;
        uint64 nonce;
        uint64 deadline;
    }

    /// @notice An order and how much of it is settled.  `signature` has 64 bytes (EIP-2098) or 65 for a key,
    /// any length for a contract (EIP-1271).
    struct Fill {
        Order order;
        uint64 energyWh;
        uint64 moneyUnits;
        bytes signature;
    }

    /// @notice What a claims root still has to pay.
    struct ClaimsState {
        uint32 payer;
        uint64 energyWh;
        uint64 moneyUnits;
        uint64 deadline;
    }

    // ------------------------------------------------------------------------------------------- events

    event AreaOpened(uint32 indexed area, address indexed owner);
    event OwnerProposed(uint32 indexed area, address proposed);
    event OwnerChanged(uint32 indexed area, address owner);
    event SettlerProposed(uint32 indexed area, address proposed);
    event SettlerChanged(uint32 indexed area, address settler);
    event IssuerProposed(uint32 indexed area, address proposed);
    event IssuerChanged(uint32 indexed area, address issuer);
    event PauseChanged(uint32 indexed area, bool paused);

    event AccountRegistered(uint32 indexed area, uint32 indexed account, address indexed owner);
    event Deposited(uint32 indexed area, uint32 indexed account, uint64 moneyUnits);
    event WithdrawalRequested(uint32 indexed area, uint32 indexed account, uint64 moneyUnits, uint64 readyAt);
    event Withdrawn(uint32 indexed area, uint32 indexed account, address to, uint64 moneyUnits);

    /// @notice A batch was settled: apply `operations` to the state before.
    event BatchSettled(
        uint32 indexed area,
        bytes32 indexed batchReference,
        uint64 sequence,
        bytes32 head,
        bytes32 tradesHash,
        bytes operations
    );
    /// @notice Signed trades were settled.  `fills` has 28 bytes a line: account uint32, energy and money as in
    /// NET, nonce uint64 (used up); `netLines` is the body of one NET section, without its header.
    event SignedSettled(
        uint32 indexed area,
        bytes32 indexed batchReference,
        uint64 sequence,
        bytes32 head,
        bytes fills,
        bytes netLines
    );
    event IntervalCommitted(
        uint32 indexed area, bytes32 indexed batchReference, uint64 sequence, bytes32 root
    );
    event NoncesCancelled(uint32 indexed area, uint32 indexed account, uint64 word, uint256 mask);
    event Claimed(
        uint32 indexed area,
        bytes32 indexed root,
        uint32 index,
        uint32 account,
        uint64 energyWh,
        uint64 moneyUnits
    );
    event ClaimsClosed(
        uint32 indexed area, bytes32 indexed root, uint32 payer, uint64 energyWh, uint64 moneyUnits
    );

    /// @notice The escrow took from accounts (`locks`), or gave to them.  `lines` has 20 bytes a line: account uint32,
    /// energyWh uint64, moneyUnits uint64.  A single step has neither reference nor sequence nor head.
    event LockedMoved(
        uint32 indexed area,
        bytes32 indexed batchReference,
        uint64 sequence,
        bytes32 head,
        bool locks,
        bytes lines
    );
    /// @notice A credit of the escrow's did not fit its account, and waits to be collected.
    event CreditDeferred(uint32 indexed area, uint32 indexed account, uint64 energyWh, uint64 moneyUnits);
    event Collected(uint32 indexed area, uint32 indexed account);

    // ------------------------------------------------------------------------------------------- errors
    // `section` and `line` count from 0 and name the culprit; in settleSigned `section` is 0 for the
    // fills and 1 for the net lines.

    error NotOwner(uint32 area, address caller);
    error NotProposed(uint32 area, address caller);
    error NotAccountOwner(uint32 area, uint32 account, address caller);
    error NotAllowed(uint32 area, address caller, uint256 section);
    error UnknownArea(uint32 area);
    error AreaPaused(uint32 area);
    error AlreadyRegistered(uint32 area, address owner, uint32 account);
    error AreaFull(uint32 area);
    error ZeroAddress();
    error ZeroUnits();
    error DelayOutOfBounds(uint256 delaySeconds);
    error TokenNotExact(uint256 expectedUnits, uint256 receivedUnits);
    error NothingRequested(uint32 area, uint32 account);
    error TooEarly(uint64 readyAt);

    error AlreadySettled(uint32 area, bytes32 batchReference, uint64 sequence);
    error Expired(uint64 validUntil);
    error WrongSequence(uint64 expected, uint64 given);

    error UnknownKind(uint256 section, uint8 kind);
    error Malformed(uint256 section);
    error UnknownAccount(uint256 section, uint256 line, uint32 account);
    error SignedAccount(uint256 section, uint256 line, uint32 account);
    error NotIncreasing(uint256 section, uint256 line, uint32 account);
    error NotZeroSum(uint256 section, int256 energyWh, int256 moneyUnits);
    error UnknownAsset(uint256 section, uint256 line, uint8 asset);
    error InsufficientEnergy(uint256 section, uint256 line, uint32 account);
    error InsufficientMoney(uint256 section, uint256 line, uint32 account);
    error BalanceOverflow(uint256 section, uint256 line, uint32 account);
    error ClaimsExist(uint256 section, uint256 line, bytes32 root);

    error OrderExpired(uint256 line);
    error OrderUsed(uint256 line);
    error OrderOverfilled(uint256 line);
    error OrderPriceBroken(uint256 line);
    error SignatureInvalid(uint256 line);

    error UnknownClaims(uint32 area, bytes32 root);
    error ClaimUsed(uint32 index);
    error ClaimInvalid(uint32 index);
    error ClaimExceedsRoot(uint32 index);
    error ClaimsEnded(uint64 deadline);
    error ClaimsRunning(uint64 deadline);

    error NotEscrow(address caller);
    error NotLocked(uint32 area);
    error NothingDeferred(uint32 area, uint32 account);

    // ------------------------------------------------------------------------------------ areas and roles

    /// @notice Open an area; the caller owns it.  `settler` and `issuer` are appointed at once where they are
    /// the caller, and otherwise proposed.
    /// @return area The id of the area; ids count from 1.
    function openArea(address settler, address issuer) external returns (uint32 area);

    /// @notice Propose who owns, settles or issues next; nothing changes until the proposed address accepts.
    /// Proposing the zero address takes a proposal back.  Only the area's owner.
    function proposeOwner(uint32 area, address proposed) external;
    function proposeSettler(uint32 area, address proposed) external;
    function proposeIssuer(uint32 area, address proposed) external;

    /// @notice Take the role that was proposed to the caller.
    function acceptOwner(uint32 area) external;
    function acceptSettler(uint32 area) external;
    function acceptIssuer(uint32 area) external;

    /// @notice Stop or resume registrations, deposits, batches and commits.  Requests, withdrawals,
    /// cancellations and claims go on.  Only the area's owner.
    function setPaused(uint32 area, bool paused) external;

    // ------------------------------------------------------------------------------- accounts and money

    /// @notice Give `owner` an account.  Only `owner` itself or the settler, who gains no power by it.
    function register(uint32 area, address owner, bool signed) external returns (uint32 account);

    /// @notice Register several owners of netted accounts in order; only the settler.  Owners that already
    /// have one keep it.
    function registerMany(uint32 area, address[] calldata owners) external;

    /// @notice Pay money into an account; the caller must have approved the token.  Anybody may pay in.
    function deposit(uint32 area, uint32 account, uint64 moneyUnits) external;

    /// @notice Ask for money of the caller's account, to be withdrawn from `readyAt` on.  A new request replaces
    /// the one before and starts the delay again; 0 takes it back.  The money stays in the account, and
    /// batches may use it, until it is withdrawn.
    function requestWithdrawal(uint32 area, uint32 account, uint64 moneyUnits)
        external
        returns (uint64 readyAt);

    /// @notice Withdraw what was requested, or what is left of it, to an address of the owner's choice.
    function withdraw(uint32 area, uint32 account, address to) external returns (uint64 moneyUnits);

    // --------------------------------------------------------------------------------------- settlement

    /// @notice Settle a batch: all sections, or nothing.
    /// @param batchReference Refused when the area has settled it before.
    /// @param validUntil Unix seconds, inclusive; later the call is refused.
    /// @param operations Sections as described above.
    /// @param trades Optional list of the trades behind the batch, in any format; its hash enters the head.
    function settle(
        uint32 area,
        bytes32 batchReference,
        uint64 validUntil,
        bytes calldata operations,
        bytes calldata trades
    ) external returns (uint64 sequence);

    /// @notice Settle signed orders against each other and against netted accounts: fills and net lines
    /// together sum to zero per asset.  Only the settler.
    /// @param netLines The body of a NET section, without its header; may be empty.
    function settleSigned(
        uint32 area,
        bytes32 batchReference,
        uint64 validUntil,
        Fill[] calldata fills,
        bytes calldata netLines
    ) external returns (uint64 sequence);

    /// @notice Commit to the root of everything that an interval settled off the chain; moves nothing.  Only
    /// the settler.
    /// @param sequence The sequence this commit takes: the area's sequence + 1.
    function recordRoot(uint32 area, bytes32 batchReference, bytes32 root, uint64 sequence) external;

    /// @notice Make order nonces of the caller's account useless: those of `mask` in nonces word*256 ….
    function cancelNonces(uint32 area, uint32 account, uint64 word, uint256 mask) external;

    // -------------------------------------------------------------------------------------------- claims

    /// @notice Pay a leaf of a claims root to its account; anybody may ask, until the deadline (inclusive).
    /// leaf = keccak256(bytes.concat(keccak256(abi.encode(uint32 index, uint32 account, uint64 energyWh,
    /// uint64 moneyUnits)))), inner nodes hash their sorted children.
    function claim(
        uint32 area,
        bytes32 root,
        uint32 index,
        uint32 account,
        uint64 energyWh,
        uint64 moneyUnits,
        bytes32[] calldata proof
    ) external;

    /// @notice Give the payer back what nobody claimed; anybody may ask, after the deadline.
    function closeClaims(uint32 area, bytes32 root) external;

    // -------------------------------------------------------------------------------------------- escrow

    /// @notice Take from accounts what the escrow holds from now on, or give them what it held.  Only the escrow, which
    /// locks nothing new in a paused area; giving is never stopped.
    /// @param batchReference Settled once, as by `settle`; 0 for none.
    /// @param content What the audit head takes in of the escrow's batch.
    /// @param lines As in `LockedMoved`.
    function moveLocked(
        uint32 area,
        bytes32 batchReference,
        bytes32 content,
        bool locks,
        bytes calldata lines
    ) external;

    /// @notice Give an account what did not fit it when it was credited; anybody may ask.
    function collect(uint32 area, uint32 account) external;

    // -------------------------------------------------------------------------------------------- reading

    /// @notice The ERC-20 that money is, and the seconds between a request and its withdrawal.
    function MONEY() external view returns (address);
    function WITHDRAWAL_DELAY() external view returns (uint64);

    /// @notice The contract that may lock and unlock.
    function ESCROW() external view returns (address);

    /// @notice What the escrow asks before it locks: whether an area is paused, and the account of each owner: the netted
    /// one, else the signed one, else 0.
    function isPaused(uint32 area) external view returns (bool);
    function numbersOf(uint32 area, address[] calldata owners) external view returns (uint32[] memory accounts);

    /// @notice What the escrow holds of an area, and what waits to be collected for an account.
    function lockedOf(uint32 area) external view returns (uint128 energyWh, uint128 moneyUnits);
    function deferredOf(uint32 area, uint32 account)
        external
        view
        returns (uint128 energyWh, uint128 moneyUnits);

    /// @notice How many areas there are, everything about one, and what is read most often.
    function areaCount() external view returns (uint32);
    function areaState(uint32 area) external view returns (AreaState memory);
    function headOf(uint32 area) external view returns (uint64 sequence, bytes32 head);

    /// @notice The accounts of an address in an area; 0 where it has none.
    function accountsOf(uint32 area, address owner) external view returns (uint32 netted, uint32 signed);
    function ownerOf(uint32 area, uint32 account) external view returns (address);
    function balanceOf(uint32 area, uint32 account) external view returns (uint64 energyWh, uint64 moneyUnits);
    function balancesOf(uint32 area, uint32[] calldata accounts)
        external
        view
        returns (uint64[] memory energyWh, uint64[] memory moneyUnits);
    function withdrawalOf(uint32 area, uint32 account)
        external
        view
        returns (uint64 moneyUnits, uint64 readyAt);

    /// @notice The sequence under which the area settled a reference; 0 when it did not.
    function settledAs(uint32 area, bytes32 batchReference) external view returns (uint64 sequence);
    function nonceWord(uint32 area, uint32 account, uint64 word) external view returns (uint256);
    function claimsOf(uint32 area, bytes32 root) external view returns (ClaimsState memory);
    function isClaimed(uint32 area, bytes32 root, uint32 index) external view returns (bool);

    /// @notice The hash that a maker signs.
    function orderHash(uint32 area, Order calldata order) external view returns (bytes32);
}

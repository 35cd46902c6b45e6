-- What was recorded, as first written. Keyed by its place in the log alone, so that a commit writes no random page.
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY CHECK (seq >= 0),
    leaf BLOB NOT NULL
);

-- Hashes of the Merkle tree, 256 to a tile, in the layout of C2SP tlog-tiles. The newest state of a tile replaces the one before.
CREATE TABLE tile (
    level INTEGER NOT NULL,
    number INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (level, number)
) WITHOUT ROWID;

-- Signed notes over the tree. Only the latest is needed; the one before it stays until the next is made.
CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL,
    sealed_at INTEGER NOT NULL
);

-- The one row of what is fixed for the log's life.
CREATE TABLE log (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    origin TEXT NOT NULL
);

-- Written and removed to find out whether there is space again.
CREATE TABLE probe (
    id INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
);

-- How many batches named a stream.
CREATE TABLE stream (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) WITHOUT ROWID;

-- Keys that were used up, until they may be forgotten.
CREATE TABLE claim (
    space TEXT NOT NULL,
    key TEXT NOT NULL,
    good_until INTEGER NOT NULL,
    PRIMARY KEY (space, key)
) WITHOUT ROWID;
CREATE INDEX claim_by_good_until ON claim (good_until);

-- Blinded record numbers and the pseudonyms they stand for.
CREATE TABLE directory (
    key BLOB PRIMARY KEY,
    pseudonym BLOB NOT NULL
) WITHOUT ROWID;

-- One-use sign-in links: digests only.
CREATE TABLE operator_link (
    id TEXT PRIMARY KEY,
    operator TEXT NOT NULL,
    digest BLOB NOT NULL,
    good_until INTEGER NOT NULL,
    used_at INTEGER
) WITHOUT ROWID;

-- Operators' sessions: digests only.
CREATE TABLE operator_session (
    id TEXT PRIMARY KEY,
    operator TEXT NOT NULL,
    digest BLOB NOT NULL,
    good_until INTEGER NOT NULL,
    ended_at INTEGER
) WITHOUT ROWID;

-- Messages that were answered, so that a duplicate gets the same answer and changes nothing.
CREATE TABLE feed_message (
    feed TEXT NOT NULL,
    control_id TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    ack BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (feed, control_id, sha256)
) WITHOUT ROWID;
CREATE INDEX feed_message_by_at ON feed_message (at);

-- Messages that could not be used, encrypted.
CREATE TABLE rejected_message (
    id INTEGER PRIMARY KEY,
    feed TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    bytes BLOB NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
);

-- Charters by digest: the one in force is the last that a `charter.applied` entry names.
CREATE TABLE charter (
    digest TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
);

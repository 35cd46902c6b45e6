-- How one signing key of the ledger took over from another: the entry that says so, and a receipt of it under the checkpoint both signed.
CREATE TABLE ledger_rotation (
    entry INTEGER PRIMARY KEY CHECK (entry >= 0),
    size INTEGER NOT NULL CHECK (size > entry),
    from_key TEXT NOT NULL UNIQUE,
    to_key TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL,
    sealed_at INTEGER NOT NULL
);

-- What each witness said last. A cosignature stays until the next one.
CREATE TABLE witness (
    name TEXT PRIMARY KEY,
    size INTEGER,
    note TEXT,
    cosigned_at INTEGER,
    trouble TEXT,
    tried_at INTEGER NOT NULL
) WITHOUT ROWID;

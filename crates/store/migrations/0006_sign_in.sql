-- One-use secrets: invitations, workstations' codes, temporary passes. What is kept of a secret is its SHA-256.
CREATE TABLE slip (
    id TEXT PRIMARY KEY,
    errand TEXT NOT NULL,
    subject TEXT NOT NULL,
    digest BLOB NOT NULL,
    good_until INTEGER NOT NULL,
    used_at INTEGER
) WITHOUT ROWID;

-- Requests for a way back in. `answered_at` and `key_at` are 0, `slip` and `session` empty, until there is something to say.
CREATE TABLE recovery (
    id TEXT PRIMARY KEY,
    principal TEXT NOT NULL,
    voucher TEXT NOT NULL,
    path TEXT NOT NULL,
    lost INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    due INTEGER NOT NULL,
    answered_at INTEGER NOT NULL,
    slip TEXT NOT NULL,
    session TEXT NOT NULL,
    key_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX recovery_slip ON recovery (slip);
CREATE INDEX recovery_session ON recovery (session);

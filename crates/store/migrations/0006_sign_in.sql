-- One-use secrets: invitations, workstations' codes, temporary passes. What is kept of a secret is its SHA-256.
CREATE TABLE slip (
    id TEXT PRIMARY KEY,
    errand TEXT NOT NULL,
    subject TEXT NOT NULL,
    digest BLOB NOT NULL,
    good_until INTEGER NOT NULL,
    used_at INTEGER
) WITHOUT ROWID;

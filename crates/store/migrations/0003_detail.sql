-- Keys of detail, one for each patient, wrapped. Rows are only added at the end and overwritten in place, never moved or deleted, so that no page
-- keeps a copy of a key that was destroyed.
CREATE TABLE detail_key (
    id INTEGER PRIMARY KEY,
    wrapped BLOB NOT NULL
);

-- Whose key is which. What was erased stays erased: the row says by which entry.
CREATE TABLE detail_subject (
    patient BLOB PRIMARY KEY,
    key_id INTEGER NOT NULL,
    erased_by INTEGER
) WITHOUT ROWID;

-- What entries may not hold, encrypted under the patient's key; about nobody in particular, under the store's own.
CREATE TABLE detail (
    seq INTEGER PRIMARY KEY,
    patient BLOB,
    sort TEXT NOT NULL,
    at INTEGER NOT NULL,
    sealed BLOB NOT NULL
);
CREATE INDEX detail_by_patient ON detail (patient, sort, seq);

-- The one row that says up to when detail expired.
CREATE TABLE detail_expiry (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    until INTEGER NOT NULL
);

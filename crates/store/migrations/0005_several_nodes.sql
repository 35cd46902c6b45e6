-- The entry a number was made known with, so that another node finds those that are new to it. What was there before has none.
ALTER TABLE directory ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
CREATE INDEX directory_by_since ON directory (since) WHERE since > 0;

-- How each node is, as it said itself when it last beat.
ALTER TABLE node ADD COLUMN process TEXT NOT NULL DEFAULT '';
ALTER TABLE node ADD COLUMN version TEXT NOT NULL DEFAULT '';
ALTER TABLE node ADD COLUMN fold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN skew_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN condition TEXT NOT NULL DEFAULT '';
ALTER TABLE node ADD COLUMN beat_at INTEGER NOT NULL DEFAULT 0;

-- What each secret key makes of a text that everybody knows: a node whose keys are others is found out before it writes.
CREATE TABLE key_check (
    name TEXT PRIMARY KEY,
    mac BLOB NOT NULL
) WITHOUT ROWID;

-- Where the store went when it moved away from here: whoever finds this goes on nowhere.
CREATE TABLE moved (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    place TEXT NOT NULL
);

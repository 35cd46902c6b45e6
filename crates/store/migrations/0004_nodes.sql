-- What each node that writes to this database committed last, so that one whose answer was lost on the way can be asked about. A file needs none.
CREATE TABLE node (
    id BLOB PRIMARY KEY,
    last_group INTEGER NOT NULL
) WITHOUT ROWID;

//! Every statement of every room, as constants. A test prepares each against the tables as they are.
//!
//! To add one: an entry in `statements!` below. `must_change` makes a write that finds no row a conflict.

use crate::Statement;

macro_rules! statements {
    ($($(#[$doc:meta])* $visibility:vis $name:ident $lower:literal $($must_change:ident)? = $sql:literal;)*) => {
        $($(#[$doc])* $visibility const $name: &Statement =
            &Statement { name: $lower, sql: $sql, must_change: statements!(@flag $($must_change)?) };)*

        /// All of them.
        #[cfg(test)]
        pub(crate) const ALL: &[&Statement] = &[$($name),*];
    };
    (@flag must_change) => { true };
    (@flag) => { false };
}

statements! {
    // The tables themselves.
    pub(crate) MIGRATION_LAST "migration_last" = "SELECT coalesce(max(number), 0) FROM migration";
    pub(crate) MIGRATION_FIND "migration_find" = "SELECT checksum FROM migration WHERE number = ?1";
    pub(crate) MIGRATION_ADD "migration_add" must_change =
        "INSERT INTO migration (number, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)";

    // The log itself.
    pub(crate) ENTRY_ADD "entry_add" = "INSERT INTO entry (seq, leaf) VALUES (?1, ?2)";
    pub(crate) ENTRY_ONE "entry_one" = "SELECT leaf FROM entry WHERE seq = ?1";
    pub(crate) ENTRY_SCAN "entry_scan" = "SELECT seq, leaf FROM entry WHERE seq >= ?1 AND seq < ?2 ORDER BY seq LIMIT ?3";
    pub(crate) ENTRY_COUNT "entry_count" = "SELECT coalesce(max(seq) + 1, 0) FROM entry";
    pub(crate) STREAM_VERSION "stream_version" = "SELECT version FROM stream WHERE name = ?1";
    pub(crate) STREAM_START "stream_start" = "INSERT INTO stream (name, version) VALUES (?1, 1)";
    pub(crate) STREAM_ADVANCE "stream_advance" must_change = "UPDATE stream SET version = version + 1 WHERE name = ?1";
    pub(crate) CLAIM_TAKE "claim_take" must_change = "INSERT INTO claim (space, key, good_until) VALUES (?1, ?2, ?3) \
        ON CONFLICT (space, key) DO UPDATE SET good_until = excluded.good_until WHERE claim.good_until <= ?4";
    pub(crate) CLAIM_PRUNE "claim_prune" = "DELETE FROM claim WHERE (space, key) IN \
        (SELECT space, key FROM claim WHERE good_until <= ?1 ORDER BY good_until LIMIT ?2)";
    pub(crate) ORIGIN_FIND "origin_find" = "SELECT origin FROM log WHERE id = 1";
    pub(crate) ORIGIN_SET "origin_set" must_change = "INSERT INTO log (id, origin) VALUES (1, ?1)";
    pub(crate) ORIGIN_CHANGE "origin_change" must_change = "UPDATE log SET origin = ?1 WHERE id = 1";
    pub(crate) TILE_FIND "tile_find" = "SELECT bytes FROM tile WHERE level = ?1 AND number = ?2";
    pub(crate) TILE_KEEP "tile_keep" must_change = "INSERT INTO tile (level, number, bytes) VALUES (?1, ?2, ?3) \
        ON CONFLICT (level, number) DO UPDATE SET bytes = excluded.bytes";
    pub(crate) CHECKPOINT_LAST "checkpoint_last" = "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1";
    pub(crate) CHECKPOINT_KEEP "checkpoint_keep" = "INSERT INTO checkpoint (size, note, sealed_at) VALUES (?1, ?2, ?3) \
        ON CONFLICT (size) DO UPDATE SET note = excluded.note, sealed_at = excluded.sealed_at";
    pub(crate) CHECKPOINT_PRUNE "checkpoint_prune" = "DELETE FROM checkpoint WHERE size < ?1";
    pub(crate) LEDGER_ROTATION_KEEP "ledger_rotation_keep" must_change =
        "INSERT INTO ledger_rotation (entry, size, from_key, to_key, record, sealed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
        ON CONFLICT (entry) DO UPDATE SET size = excluded.size, record = excluded.record, sealed_at = excluded.sealed_at";
    pub(crate) LEDGER_ROTATION_ALL "ledger_rotation_all" =
        "SELECT entry, size, from_key, to_key, record, sealed_at FROM ledger_rotation ORDER BY entry";
    pub(crate) CHECKPOINT_FORGET "checkpoint_forget" = "DELETE FROM checkpoint";
    pub(crate) LEDGER_ROTATION_FORGET "ledger_rotation_forget" = "DELETE FROM ledger_rotation";
    pub(crate) WITNESS_FORGET "witness_forget" = "DELETE FROM witness";
    pub(crate) PROBE_ADD "probe_add" = "INSERT INTO probe (id, bytes) VALUES (1, ?1) \
        ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes";
    pub(crate) PROBE_REMOVE "probe_remove" = "DELETE FROM probe";

    // Detail beside the log.
    pub(crate) DETAIL_KEEP "detail_keep" must_change =
        "INSERT INTO detail (seq, patient, sort, at, sealed) VALUES (?1, ?2, ?3, ?4, ?5)";
    pub(crate) DETAIL_FIND "detail_find" = "SELECT patient IS NOT NULL, patient, sort, sealed FROM detail WHERE seq = ?1";
    pub(crate) DETAIL_OF_PATIENT "detail_of_patient" =
        "SELECT seq FROM detail WHERE patient = ?1 AND sort = ?2 ORDER BY seq DESC LIMIT ?3";
    pub(crate) DETAIL_FORGET "detail_forget" = "UPDATE detail SET sealed = ?2 WHERE patient = ?1";
    pub(crate) DETAIL_KEY_ADD "detail_key_add" = "INSERT INTO detail_key (wrapped) VALUES (?1) RETURNING id";
    pub(crate) DETAIL_KEY_DESTROY "detail_key_destroy" =
        "UPDATE detail_key SET wrapped = ?2 WHERE id = (SELECT key_id FROM detail_subject WHERE patient = ?1)";
    pub(crate) DETAIL_SUBJECT_ADD "detail_subject_add" must_change =
        "INSERT INTO detail_subject (patient, key_id) VALUES (?1, ?2)";
    pub(crate) DETAIL_SUBJECT_FIND "detail_subject_find" = "SELECT erased_by, wrapped FROM detail_subject \
        LEFT JOIN detail_key ON detail_key.id = detail_subject.key_id WHERE patient = ?1";
    // A patient who never had a key: none is ever made.
    pub(crate) DETAIL_SUBJECT_ERASE "detail_subject_erase" must_change = "INSERT INTO detail_subject (patient, key_id, erased_by) \
        VALUES (?1, 0, ?2) ON CONFLICT (patient) DO UPDATE SET erased_by = excluded.erased_by";
    pub(crate) DETAIL_EXPIRY_FIND "detail_expiry_find" = "SELECT until FROM detail_expiry WHERE id = 1";
    /// `after, rows_max` → `seq, at, patient is not null, patient`: detail of entries after one. `at` never decreases with `seq`.
    pub DETAIL_NEXT "detail_next" =
        "SELECT seq, at, patient IS NOT NULL, patient FROM detail WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    /// `patient` → how many pieces of detail are kept about them.
    pub DETAIL_COUNT_OF "detail_count_of" = "SELECT count(*) FROM detail WHERE patient = ?1 AND length(sealed) > 0";
    /// `seq`. Forgets one piece.
    pub DETAIL_DROP "detail_drop" = "DELETE FROM detail WHERE seq = ?1";
    /// `until`: what was recorded at or before then has expired.
    pub DETAIL_EXPIRY_SET "detail_expiry_set" must_change = "INSERT INTO detail_expiry (id, until) VALUES (1, ?1) \
        ON CONFLICT (id) DO UPDATE SET until = \
        CASE WHEN excluded.until > detail_expiry.until THEN excluded.until ELSE detail_expiry.until END";

    // The directory of record numbers.

    /// `key` → `pseudonym`.
    pub DIRECTORY_FIND "directory_find" = "SELECT pseudonym FROM directory WHERE key = ?1";
    /// `key, pseudonym, since` ([`crate::Value::Entry`]). The same pair again changes nothing; a key that stands for another pseudonym is a conflict.
    pub DIRECTORY_ADD "directory_add" must_change = "INSERT INTO directory (key, pseudonym, since) VALUES (?1, ?2, ?3) \
        ON CONFLICT (key) DO UPDATE SET pseudonym = excluded.pseudonym WHERE directory.pseudonym = excluded.pseudonym";
    /// `key`. Forgets one number.
    pub DIRECTORY_FORGET "directory_forget" = "DELETE FROM directory WHERE key = ?1";
    /// → `key, pseudonym`, all of them.
    pub DIRECTORY_ALL "directory_all" = "SELECT key, pseudonym FROM directory";
    /// `since` → `key, pseudonym`, of what came with that entry or a later one.
    pub DIRECTORY_SINCE "directory_since" = "SELECT key, pseudonym FROM directory WHERE since >= ?1 AND since > 0";

    // Whether keys fit.
    pub(crate) KEY_CHECK_FIND "key_check_find" = "SELECT mac FROM key_check WHERE name = ?1";
    pub(crate) KEY_CHECK_KEEP "key_check_keep" =
        "INSERT INTO key_check (name, mac) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";

    // Operators.

    /// `id, operator, digest, good_until`.
    pub OPERATOR_LINK_ADD "operator_link_add" must_change =
        "INSERT INTO operator_link (id, operator, digest, good_until) VALUES (?1, ?2, ?3, ?4)";
    /// `id, now` → `operator, digest`, while it is good and unused.
    pub OPERATOR_LINK_FIND "operator_link_find" =
        "SELECT operator, digest FROM operator_link WHERE id = ?1 AND used_at IS NULL AND good_until > ?2";
    /// `id, now`. A link that was used or is past its time is a conflict.
    pub OPERATOR_LINK_USE "operator_link_use" must_change =
        "UPDATE operator_link SET used_at = ?2 WHERE id = ?1 AND used_at IS NULL AND good_until > ?2";
    /// `before`: forgets links that ended before then.
    pub OPERATOR_LINK_PRUNE "operator_link_prune" = "DELETE FROM operator_link WHERE good_until < ?1";
    /// `operator, now`: uses up every link of one operator.
    pub OPERATOR_LINKS_END "operator_links_end" =
        "UPDATE operator_link SET used_at = ?2 WHERE operator = ?1 AND used_at IS NULL AND good_until > ?2";
    /// `now, rows_max` → `operator, id, good_until`, of links that are good and unused.
    pub OPERATOR_LINKS_LIVE "operator_links_live" =
        "SELECT operator, id, good_until FROM operator_link WHERE used_at IS NULL AND good_until > ?1 \
        ORDER BY operator, good_until LIMIT ?2";
    /// `id, operator, digest, good_until`.
    pub OPERATOR_SESSION_ADD "operator_session_add" must_change =
        "INSERT INTO operator_session (id, operator, digest, good_until) VALUES (?1, ?2, ?3, ?4)";
    /// `id, now` → `operator, digest, good_until`, while it lasts.
    pub OPERATOR_SESSION_FIND "operator_session_find" =
        "SELECT operator, digest, good_until FROM operator_session WHERE id = ?1 AND ended_at IS NULL AND good_until > ?2";
    /// `id, now`. A session that ended already is a conflict.
    pub OPERATOR_SESSION_END "operator_session_end" must_change =
        "UPDATE operator_session SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL";
    /// `operator, now`: ends every session of one operator.
    pub OPERATOR_SESSIONS_END "operator_sessions_end" =
        "UPDATE operator_session SET ended_at = ?2 WHERE operator = ?1 AND ended_at IS NULL AND good_until > ?2";
    /// `now, rows_max` → `operator, id, good_until`, of sessions that last.
    pub OPERATOR_SESSIONS_LIVE "operator_sessions_live" =
        "SELECT operator, id, good_until FROM operator_session WHERE ended_at IS NULL AND good_until > ?1 \
        ORDER BY operator, good_until LIMIT ?2";
    /// `operator, now` → how many unused links and sessions one operator has that are good.
    pub OPERATOR_DOORS_COUNT "operator_doors_count" =
        "SELECT (SELECT count(*) FROM operator_link WHERE operator = ?1 AND used_at IS NULL AND good_until > ?2) \
        + (SELECT count(*) FROM operator_session WHERE operator = ?1 AND ended_at IS NULL AND good_until > ?2)";
    /// `before`: forgets sessions that ended before then.
    pub OPERATOR_SESSION_PRUNE "operator_session_prune" = "DELETE FROM operator_session WHERE good_until < ?1";

    // Signing in.

    /// `id, errand, subject, digest, good_until`.
    pub SLIP_ADD "slip_add" must_change =
        "INSERT INTO slip (id, errand, subject, digest, good_until) VALUES (?1, ?2, ?3, ?4, ?5)";
    /// `id, errand, now` → `subject, digest, good_until`, while it is good and unused.
    pub SLIP_FIND "slip_find" =
        "SELECT subject, digest, good_until FROM slip WHERE id = ?1 AND errand = ?2 AND used_at IS NULL AND good_until > ?3";
    /// `id, now`. One that was used or is past its time is a conflict.
    pub SLIP_USE "slip_use" must_change =
        "UPDATE slip SET used_at = ?2 WHERE id = ?1 AND used_at IS NULL AND good_until > ?2";
    /// `errand, subject, now`: uses up every slip of that errand for one subject.
    pub SLIPS_END "slips_end" =
        "UPDATE slip SET used_at = ?3 WHERE errand = ?1 AND subject = ?2 AND used_at IS NULL AND good_until > ?3";
    /// `before`: forgets slips that ended before then.
    pub SLIP_PRUNE "slip_prune" = "DELETE FROM slip WHERE good_until < ?1";

    // Ways back in.

    /// `id, principal, voucher, path, lost, asked_at, due, slip`
    pub RECOVERY_ADD "recovery_add" must_change =
        "INSERT INTO recovery (id, principal, voucher, path, lost, asked_at, due, answered_at, slip, session, key_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, '', 0)";
    /// `principal, now, voucher`: answers the requests for somebody that wait and that one colleague stands for; an empty one means all of them.
    pub RECOVERY_SUPERSEDE "recovery_supersede" =
        "UPDATE recovery SET answered_at = ?2 WHERE principal = ?1 AND answered_at = 0 AND (voucher = ?3 OR ?3 = '')";
    /// `now` → those that wait, the longest first.
    pub RECOVERY_WAITING "recovery_waiting" = "SELECT id, principal, voucher, path, lost, asked_at, due, answered_at FROM recovery \
        WHERE answered_at = 0 AND slip = '' AND due > ?1 ORDER BY asked_at, id LIMIT 200";
    /// `id`
    pub RECOVERY_FIND "recovery_find" =
        "SELECT id, principal, voucher, path, lost, asked_at, due, answered_at FROM recovery WHERE id = ?1";
    /// `id, now, slip`. One that was answered or is past its time is a conflict.
    pub RECOVERY_ANSWER "recovery_answer" must_change =
        "UPDATE recovery SET answered_at = ?2, slip = ?3 WHERE id = ?1 AND answered_at = 0 AND slip = '' AND due > ?2";
    /// `slip` → `path`
    pub RECOVERY_OF_SLIP "recovery_of_slip" = "SELECT path FROM recovery WHERE slip = ?1";
    /// `slip, session`
    pub RECOVERY_REDEEM "recovery_redeem" must_change =
        "UPDATE recovery SET session = ?2 WHERE slip = ?1 AND session = ''";
    /// `session` → `slip, lost`, until a key is registered in it.
    pub RECOVERY_OF_SESSION "recovery_of_session" = "SELECT slip, lost FROM recovery WHERE session = ?1 AND key_at = 0";
    /// `principal, since` → what was asked for in somebody's name, the newest first.
    pub RECOVERY_OF_PERSON "recovery_of_person" = "SELECT path, voucher, asked_at, answered_at, slip, session, key_at, due FROM recovery \
        WHERE principal = ?1 AND asked_at > ?2 ORDER BY asked_at DESC, id LIMIT 5";
    /// `session, now`. Once.
    pub RECOVERY_KEY "recovery_key" must_change =
        "UPDATE recovery SET key_at = ?2 WHERE session = ?1 AND key_at = 0";
    /// `before`: forgets requests that were due before then.
    pub RECOVERY_PRUNE "recovery_prune" = "DELETE FROM recovery WHERE due < ?1";

    // Feeds.

    /// `feed, control_id, sha256, after` → `ack, at`, of a message answered after then.
    pub FEED_MESSAGE_FIND "feed_message_find" =
        "SELECT ack, at FROM feed_message WHERE feed = ?1 AND control_id = ?2 AND sha256 = ?3 AND at > ?4";
    /// `feed, control_id, sha256, ack, at, after`. A message answered after then is a conflict: repeat that answer.
    pub FEED_MESSAGE_KEEP "feed_message_keep" must_change =
        "INSERT INTO feed_message (feed, control_id, sha256, ack, at) VALUES (?1, ?2, ?3, ?4, ?5) \
        ON CONFLICT (feed, control_id, sha256) DO UPDATE SET ack = excluded.ack, at = excluded.at WHERE feed_message.at <= ?6";
    /// `before, rows_max`: forgets messages answered up to then.
    pub FEED_MESSAGE_PRUNE "feed_message_prune" = "DELETE FROM feed_message WHERE (feed, control_id, sha256) IN \
        (SELECT feed, control_id, sha256 FROM feed_message WHERE at <= ?1 ORDER BY at LIMIT ?2)";
    /// `feed, sha256, bytes, reason, at`.
    pub REJECTED_MESSAGE_KEEP "rejected_message_keep" must_change =
        "INSERT INTO rejected_message (feed, sha256, bytes, reason, at) VALUES (?1, ?2, ?3, ?4, ?5)";
    /// `rows_max` → `id, feed, sha256, bytes, reason, at`, newest first.
    pub REJECTED_MESSAGE_LAST "rejected_message_last" =
        "SELECT id, feed, sha256, bytes, reason, at FROM rejected_message ORDER BY id DESC LIMIT ?1";
    /// `id` → `feed, sha256, bytes`.
    pub REJECTED_MESSAGE_FIND "rejected_message_find" = "SELECT feed, sha256, bytes FROM rejected_message WHERE id = ?1";
    /// `id`. One that is gone already is a conflict: somebody else was faster.
    pub REJECTED_MESSAGE_REMOVE "rejected_message_remove" must_change = "DELETE FROM rejected_message WHERE id = ?1";
    /// `feed, control_id, sha256`: what was answered to it is forgotten, so that it may be used after all.
    pub FEED_MESSAGE_FORGET "feed_message_forget" =
        "DELETE FROM feed_message WHERE feed = ?1 AND control_id = ?2 AND sha256 = ?3";
    /// `rows_max`. The oldest; of a row that stays nothing is looked at.
    pub REJECTED_MESSAGE_PRUNE "rejected_message_prune" =
        "DELETE FROM rejected_message WHERE id IN (SELECT id FROM rejected_message ORDER BY id LIMIT ?1)";
    /// `at, rows_max` → `id`, of the oldest that came at or before a time. Looks behind the bytes of a message: not for the writer.
    pub REJECTED_MESSAGE_OLD "rejected_message_old" =
        "SELECT id FROM rejected_message WHERE at <= ?1 ORDER BY id LIMIT ?2";
    /// `rows_max` → `length`, oldest first, without reading the bytes.
    pub REJECTED_MESSAGE_LENGTHS "rejected_message_lengths" =
        "SELECT length(bytes) FROM rejected_message ORDER BY id LIMIT ?1";
    /// `rows_max` → `id, feed, sha256, length, reason, at`, newest first. Looks behind the bytes: not for a thread that must not wait.
    pub REJECTED_MESSAGE_LISTED "rejected_message_listed" =
        "SELECT id, feed, sha256, length(bytes), reason, at FROM rejected_message ORDER BY id DESC LIMIT ?1";
    /// `id`. Forgets one.
    pub REJECTED_MESSAGE_FORGET "rejected_message_forget" = "DELETE FROM rejected_message WHERE id = ?1";
    /// `after, rows_max` → `id, feed, sha256, bytes`, oldest first, of ids after one.
    pub REJECTED_MESSAGE_SCAN "rejected_message_scan" =
        "SELECT id, feed, sha256, bytes FROM rejected_message WHERE id > ?1 ORDER BY id LIMIT ?2";
    /// → how many are kept, and how many bytes, without reading these.
    pub REJECTED_MESSAGE_COUNT "rejected_message_count" =
        "SELECT count(*), coalesce(sum(length(bytes)), 0) FROM rejected_message";

    /// `place`: the store is there now, and not here any more.
    pub MOVED_ADD "moved_add" = "INSERT INTO moved (id, place) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET place = excluded.place";
    /// → `place`, if the store has moved away.
    pub MOVED_FIND "moved_find" = "SELECT place FROM moved";

    // Witnesses.

    /// `name, size, note, cosigned_at`: it cosigned.
    pub WITNESS_COSIGNED "witness_cosigned" must_change =
        "INSERT INTO witness (name, size, note, cosigned_at, trouble, tried_at) VALUES (?1, ?2, ?3, ?4, NULL, ?4) \
        ON CONFLICT (name) DO UPDATE SET size = excluded.size, note = excluded.note, cosigned_at = excluded.cosigned_at, \
        trouble = NULL, tried_at = excluded.tried_at";
    /// `name, trouble, at`: it did not; what it cosigned before stays.
    pub WITNESS_FAILED "witness_failed" must_change =
        "INSERT INTO witness (name, trouble, tried_at) VALUES (?1, ?2, ?3) \
        ON CONFLICT (name) DO UPDATE SET trouble = excluded.trouble, tried_at = excluded.tried_at";
    /// → `name, size, note, cosigned_at, trouble, tried_at`, all of them; 0 and empty where it never cosigned or has no trouble.
    pub WITNESS_ALL "witness_all" =
        "SELECT name, coalesce(size, 0), coalesce(note, ''), cosigned_at, coalesce(trouble, ''), tried_at \
        FROM witness ORDER BY name";

    // Charters.

    /// `digest, bytes`. One that is there already stays.
    pub CHARTER_KEEP "charter_keep" = "INSERT INTO charter (digest, bytes) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING";
    /// `digest` → `bytes`.
    pub CHARTER_FIND "charter_find" = "SELECT bytes FROM charter WHERE digest = ?1";
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::database::Connection;
    use crate::{migrations, postgres};
    use events::Timestamp;
    use std::collections::HashSet;

    /// The tables of a file, in memory.
    fn in_memory() -> Connection {
        let connection = Connection::Sqlite(rusqlite::Connection::open_in_memory().unwrap());
        migrations::apply(&connection, migrations::ALL, Timestamp::MIN).unwrap();
        connection
    }

    #[test]
    fn every_statement_can_be_prepared_on_both_engines_and_has_its_own_name() {
        let file = in_memory();
        let address = crate::Address::parse(&cluster::Cluster::shared().database().unwrap()).unwrap();
        let server = Connection::Postgres(postgres::Server::new(address, [7; 16]).unwrap().connect_writing().unwrap());
        migrations::apply(&server, migrations::ALL, Timestamp::MIN).unwrap();
        let (Connection::Sqlite(file), Connection::Postgres(server)) = (file, server) else { panic!("one of each") };
        let mut names = HashSet::new();
        for statement in ALL {
            file.prepare(statement.sql).unwrap_or_else(|error| panic!("{}: {error}", statement.name));
            let taken = server.prepared(statement.sql).unwrap_or_else(|error| panic!("{}: {error}", statement.name));
            let prepared = file.prepare(statement.sql).unwrap();
            assert_eq!(taken.params().len(), prepared.parameter_count(), "{}", statement.name);
            assert!(names.insert(statement.name), "two statements are called {}", statement.name);
        }
        for own in postgres::own() {
            server.prepared(own).unwrap_or_else(|error| panic!("{own}: {error}"));
        }
    }

    #[test]
    fn nothing_an_erasure_does_on_the_writer_reads_a_whole_table() {
        let Connection::Sqlite(connection) = in_memory() else { panic!("a file") };
        let plan = |statement: &crate::Statement| -> Vec<String> {
            let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sql)).unwrap();
            let values = vec![rusqlite::types::Value::Null; explained.parameter_count()];
            let rows = explained.query_map(rusqlite::params_from_iter(values), |row| row.get(3)).unwrap();
            rows.map(Result::unwrap).collect()
        };
        for statement in [
            super::DIRECTORY_FORGET,
            super::DETAIL_FORGET,
            super::DETAIL_KEY_DESTROY,
            super::DETAIL_SUBJECT_ERASE,
            super::DETAIL_SUBJECT_FIND,
            super::REJECTED_MESSAGE_FORGET,
        ] {
            let steps = plan(statement);
            assert!(steps.iter().all(|step| !step.starts_with("SCAN")), "{}: {steps:?}", statement.name);
        }
        let scanning =
            crate::Statement { name: "scan", sql: "DELETE FROM directory WHERE pseudonym = ?1", must_change: false };
        assert!(plan(&scanning).iter().any(|step| step.starts_with("SCAN")), "a plan that scans is told apart");
    }
}

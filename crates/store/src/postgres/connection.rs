//! One connection: statements prepared once, sent together where they can be, each answer waited for only so long.

use super::{Failed, Server, wait};
use crate::{ReadError, StorageError, Value};
use events::Seq;
use futures_util::future::join;
use futures_util::{StreamExt as _, stream::FuturesOrdered};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, Statement};

/// How many entries are asked for at once when they are read in order: at most 16 MiB.
pub(crate) const ENTRIES_AT_ONCE: u32 = 1024;
/// How long an answer may take before the connection counts as broken. What was asked for may still happen.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long a statement that works through whole tables may take.
const LONG_MAX: Duration = Duration::from_secs(600);
const ENTRIES_ADD: &str = "INSERT INTO entry (seq, leaf) SELECT * FROM unnest($1::bigint[], $2::bytea[])";
const ERASED_AMONG: &str = "SELECT patient FROM detail_subject WHERE patient = ANY($1) AND erased_by IS NOT NULL";
const GROUP_DONE: &str = "INSERT INTO node (id, last_group) VALUES ($1, $2) \
    ON CONFLICT (id) DO UPDATE SET last_group = excluded.last_group";
const TABLES_THERE: &str = "SELECT to_regclass('entry') IS NOT NULL";
const GROUP_LAST: &str = "INSERT INTO node (id, last_group) VALUES ($1, 0) \
    ON CONFLICT (id) DO UPDATE SET last_group = node.last_group RETURNING last_group";
/// What is PostgreSQL's alone, beside the registry of both engines. A test prepares these too.
#[cfg(test)]
pub(super) const OWN: &[&str] = &[ENTRIES_ADD, ERASED_AMONG, GROUP_DONE, GROUP_LAST, TABLES_THERE];

/// Makes the room of rows that were overwritten or removed free for others. What their pages held is written over as the room is used again.
const VACUUM: &str = "VACUUM detail, detail_key, detail_subject, directory, rejected_message, feed_message";

/// After rows were added with their numbers: the next number is the one after the last.
pub(crate) const COUNT_ON: &str = "\
    SELECT setval(pg_get_serial_sequence('detail_key', 'id'), coalesce(max(id), 0) + 1, false) FROM detail_key; \
    SELECT setval(pg_get_serial_sequence('rejected_message', 'id'), coalesce(max(id), 0) + 1, false) FROM rejected_message";

/// A session of the server.
pub(crate) struct Connection {
    client: Client,
    prepared: RefCell<HashMap<&'static str, Statement>>,
    /// Statements that go out with the next one.
    due: RefCell<String>,
    in_transaction: Cell<bool>,
    /// How long one is waited for.
    patience: Cell<Duration>,
    /// An answer did not come, so that nothing more can be told from what comes.
    broken: Cell<bool>,
    task: AbortHandle,
    /// Its thread drives the connection.
    server: Server,
    /// Of one that only reads: how often the writer had connected before. Once it has again, this may be to a server that is none any more.
    era: Cell<Option<u64>>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // One in order says good-bye to the server; one that is not would wait for it.
        if self.broken.get() {
            self.task.abort();
        }
    }
}

impl Connection {
    pub(super) fn new(client: Client, task: AbortHandle, server: Server) -> Self {
        Self {
            era: Cell::new(None),
            client,
            prepared: RefCell::default(),
            due: RefCell::default(),
            in_transaction: Cell::new(false),
            patience: Cell::new(ANSWER_MAX),
            broken: Cell::new(false),
            task,
            server,
        }
    }

    /// Keeps this session from writing, and from reading once the writer's `era` is over.
    pub(super) fn only_read(&self, era: u64) -> Result<(), Failed> {
        self.era.set(Some(era));
        let set = "SET default_transaction_read_only = on; SET default_transaction_isolation = 'repeatable read'";
        self.say(set)
    }

    /// Whether it can still be used.
    pub(crate) fn is_usable(&self) -> bool {
        !self.broken.get() && !self.client.is_closed()
    }

    pub(crate) fn in_transaction(&self) -> bool {
        self.in_transaction.get()
    }

    /// Begins to write, as soon as no other session of any node does: what was committed before can then be read.
    pub(crate) fn begin(&self) {
        self.in_transaction.set(true);
        self.say_with_the_next(&format!("BEGIN; SELECT pg_advisory_xact_lock({})", super::fence::BATCH));
    }

    pub(crate) fn begin_reading(&self) -> Result<(), Failed> {
        if self.era.get().is_some_and(|era| era != self.server.era()) {
            return Err(Failed::Former);
        }
        self.in_transaction.set(true);
        // At once: whether this connection still is one is found out here, and by nobody later.
        self.wait(self.client.batch_execute("BEGIN"), self.patience.get())
    }

    /// Ends a transaction that only read; nobody has to wait for that.
    pub(crate) fn end_reading(&self) {
        self.due.borrow_mut().clear();
        if self.in_transaction.replace(false) {
            wait::begun(self.client.batch_execute("ROLLBACK"));
        }
    }

    /// Sends a statement that cannot fail by itself together with the next one.
    pub(crate) fn say_with_the_next(&self, sql: &str) {
        let mut due = self.due.borrow_mut();
        if !due.is_empty() {
            due.push_str("; ");
        }
        due.push_str(sql);
    }

    pub(crate) fn rollback(&self) -> Result<(), Failed> {
        let nothing_was_sent = std::mem::take(&mut *self.due.borrow_mut()).starts_with("BEGIN");
        // The server undoes what a session that is gone had begun.
        if !nothing_was_sent && self.is_usable() {
            self.wait(self.client.batch_execute("ROLLBACK"), self.patience.get())?;
        }
        self.in_transaction.set(false);
        Ok(())
    }

    /// Adds entries from `first` on, notes the group, and commits, all in one go.
    pub(crate) fn commit(&self, first: Seq, entries: &[Vec<u8>], group: Option<u64>) -> Result<(), Failed> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let numbers: Vec<i64> = (first.0..).take(entries.len()).map(number).collect();
        let bytes: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let node = self.server.node();
        let add = if entries.is_empty() { None } else { Some(self.prepared(ENTRIES_ADD)?) };
        let done = group.map(|group| Ok::<_, Failed>((self.prepared(GROUP_DONE)?, number(group)))).transpose()?;
        let news = if entries.is_empty() { String::new() } else { self.server.news() };
        let due = std::mem::take(&mut *self.due.borrow_mut());
        // From here on what becomes of it is the server's.
        self.in_transaction.set(false);
        let all = async {
            let due = async {
                if !due.is_empty() {
                    self.client.batch_execute(&due).await?;
                }
                Ok::<_, Error>(())
            };
            let added = async {
                if let Some(add) = &add {
                    self.client.execute(add, &[&numbers, &bytes]).await?;
                }
                Ok::<_, Error>(())
            };
            let noted = async {
                if let Some((done, group)) = &done {
                    self.client.execute(done, &[&node.as_slice(), group]).await?;
                }
                Ok::<_, Error>(())
            };
            let told = async {
                if !news.is_empty() {
                    self.client.batch_execute(&news).await?;
                }
                Ok::<_, Error>(())
            };
            let committed = self.client.batch_execute("COMMIT");
            let ((due, added), (noted, (told, committed))) =
                join(join(due, added), join(noted, join(told, committed))).await;
            due.and(added).and(noted).and(told).and(committed)
        };
        self.wait(all, self.patience.get())
    }

    /// Puts this process's first number in the place of whatever a former one committed last. It is drawn, so that it is nobody else's.
    pub(crate) fn begin_groups(&self) -> Result<u64, Failed> {
        let first = self.server.first_group();
        let done = self.prepared(GROUP_DONE)?;
        let number = i64::try_from(first).unwrap_or(i64::MAX);
        self.flight(self.client.execute(&done, &[&self.server.node().as_slice(), &number]))?;
        Ok(first)
    }

    /// The number of the last group that was committed under this node's name. Once this is answered, everything that can be read is durable, on the standby a
    /// commit waits for too: it is itself a commit.
    pub(crate) fn settle(&self) -> Result<u64, Failed> {
        let row = self.row(GROUP_LAST, &[&self.server.node().as_slice()])?;
        Ok(u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0))
    }

    pub(crate) fn has_tables(&self) -> Result<bool, Failed> {
        Ok(self.row(TABLES_THERE, &[])?.try_get(0)?)
    }

    pub(crate) fn vacuum(&self) -> Result<(), Failed> {
        self.wait(self.client.batch_execute(VACUUM), LONG_MAX)
    }

    pub(super) const fn server(&self) -> &Server {
        &self.server
    }

    /// From here on an answer may take as long as whole tables do.
    pub(super) fn be_patient(&self) {
        self.patience.set(LONG_MAX);
    }

    /// Says something that is answered by no row.
    pub(super) fn say(&self, sql: &str) -> Result<(), Failed> {
        self.wait(self.client.batch_execute(sql), self.patience.get())
    }

    /// Which of these patients were erased.
    pub(crate) fn erased_among(&self, patients: &[[u8; 16]]) -> Result<Vec<[u8; 16]>, Failed> {
        let patients: Vec<&[u8]> = patients.iter().map(<[u8; 16]>::as_slice).collect();
        let rows = self.rows(ERASED_AMONG, &[&patients])?;
        let bytes = |row: &Row| Ok(row.try_get::<_, &[u8]>(0)?.try_into().unwrap_or_default());
        rows.iter().map(bytes).collect()
    }

    pub(crate) fn execute(&self, sql: &'static str, values: &[Value]) -> Result<usize, Failed> {
        let statement = self.prepared(sql)?;
        let values = fitting(&statement, values)?;
        let changed = self.flight(self.client.execute(&statement, &values))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Sends all of them at once. After the first that fails no other is done.
    pub(crate) fn execute_each(&self, all: &[(&'static str, &[Value])]) -> (Vec<usize>, Option<Failed>) {
        if all.is_empty() {
            return (Vec::new(), None);
        }
        let mut ready = Vec::with_capacity(all.len());
        let mut unfit = None;
        for (sql, values) in all {
            match self.prepared(sql).and_then(|statement| Ok((fitting(&statement, values)?, statement))) {
                Ok(one) => ready.push(one),
                Err(error) => {
                    unfit = Some(error);
                    break;
                }
            }
        }
        let in_order: FuturesOrdered<_> =
            ready.iter().map(|(values, statement)| self.client.execute(statement, values)).collect();
        let done = self.flight(async { Ok(in_order.collect::<Vec<_>>().await) });
        let (mut changed, mut failed) = (Vec::with_capacity(all.len()), None);
        match done {
            Err(error) => failed = Some(error),
            Ok(done) => {
                for one in done {
                    match one {
                        Ok(rows) => changed.push(usize::try_from(rows).unwrap_or(usize::MAX)),
                        Err(error) => {
                            failed = Some(error.into());
                            break;
                        }
                    }
                }
            }
        }
        (changed, failed.or(unfit))
    }

    /// Shows the rows of an answer as they come. `each` cannot ask this connection for anything meanwhile.
    pub(crate) fn query(
        &self,
        sql: &'static str,
        values: &[Value],
        mut each: impl FnMut(&Row) -> Result<ControlFlow<()>, ReadError>,
    ) -> Result<(), ReadError> {
        let storage = |error: Failed| ReadError::from(StorageError::from(error));
        let statement = self.prepared(sql).map_err(storage)?;
        let values = fitting(&statement, values).map_err(storage)?;
        let rows = self.flight(self.client.query_raw(&statement, values)).map_err(storage)?;
        let mut rows = pin!(rows);
        while let Some(row) = self.wait(async { Ok(rows.next().await) }, self.patience.get()).map_err(storage)? {
            if each(&row.map_err(|error| storage(error.into()))?)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn run_script(&self, sql: &str) -> Result<(), Failed> {
        let due = std::mem::take(&mut *self.due.borrow_mut());
        self.wait(join_said(&self.client, &due, self.client.batch_execute(sql)), LONG_MAX)
    }

    pub(super) fn row(&self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<Row, Failed> {
        let statement = self.prepared(sql)?;
        self.flight(self.client.query_one(&statement, values))
    }

    pub(super) fn rows(&self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Failed> {
        let statement = self.prepared(sql)?;
        self.flight(self.client.query(&statement, values))
    }

    /// A statement of the registry, prepared once.
    pub(crate) fn prepared(&self, sql: &'static str) -> Result<Statement, Failed> {
        if let Some(statement) = self.prepared.borrow().get(sql) {
            return Ok(statement.clone());
        }
        // Asked for by itself: what is due may begin the transaction that a mistake here must not end.
        let statement = self.wait(self.client.prepare(&sql.replace('?', "$")), self.patience.get())?;
        self.prepared.borrow_mut().insert(sql, statement.clone());
        Ok(statement)
    }

    /// Sends what is due and then this, without waiting in between.
    fn flight<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Failed> {
        let due = std::mem::take(&mut *self.due.borrow_mut());
        self.wait(join_said(&self.client, &due, work), self.patience.get())
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, Error>>, at_most: Duration) -> Result<T, Failed> {
        // Whoever waited in vain once does not wait again.
        if self.broken.get() {
            return Err(Failed::Late(at_most));
        }
        if let Some(answer) = wait::until(work, at_most) {
            return Ok(answer?);
        }
        self.broken.set(true);
        Err(Failed::Late(at_most))
    }
}

async fn join_said<T>(client: &Client, due: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    if due.is_empty() {
        return work.await;
    }
    let (said, done) = join(client.batch_execute(due), work).await;
    said.and(done)
}

/// Values that a statement takes, or why it does not take them: found out here, since a server undoes the transaction it finds that out in.
fn fitting<'a>(statement: &Statement, values: &'a [Value]) -> Result<Vec<&'a (dyn ToSql + Sync)>, Failed> {
    if statement.params().len() != values.len() {
        let wanted = statement.params().len();
        return Err(Failed::Unfit(format!("{} values were given, {wanted} are taken", values.len())));
    }
    for (place, (wanted, value)) in statement.params().iter().zip(values).enumerate() {
        let fits = match value {
            Value::Null => true,
            Value::Int(number) => *wanted == Type::INT8 || (*wanted == Type::INT4 && i32::try_from(*number).is_ok()),
            Value::Text(text) => *wanted == Type::TEXT && !text.contains('\0'),
            Value::Bytes(_) => *wanted == Type::BYTEA,
            Value::Entry => false,
        };
        if !fits {
            return Err(Failed::Unfit(format!("value {} is not one of type {wanted}", place + 1)));
        }
    }
    Ok(values.iter().map(|value| value as &(dyn ToSql + Sync)).collect())
}

/// Tables written for SQLite as PostgreSQL calls their types.
pub(crate) fn translated(sql: &str) -> String {
    sql.replace("    id INTEGER PRIMARY KEY,", "    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,")
        .replace("INTEGER", "BIGINT")
        .replace("BLOB", "BYTEA")
        .replace(") WITHOUT ROWID", ")")
}

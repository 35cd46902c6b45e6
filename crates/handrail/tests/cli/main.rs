//! The command line from outside: every test runs the real binary and looks at what a user would see.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod backup;
mod basics;
mod charter;
mod crowd;
mod decisions;
mod desk;
mod doctor;
mod evidence;
mod feed;
mod invited;
mod nodes;
mod patients;
mod spooled;
mod supervised;
mod tls;
mod tokens;
mod upgrade;
mod witnessed;

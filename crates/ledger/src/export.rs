//! export, being written.

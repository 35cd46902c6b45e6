//! directory, being written.

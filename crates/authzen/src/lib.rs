//! authzen

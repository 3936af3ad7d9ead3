//! Parameters.
pub mod notify;

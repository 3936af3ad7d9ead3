//! The wire: requests in, replies out (RESP2 and RESP3). Knows no commands and no sockets.

pub mod append;
pub mod argv;
pub mod error;
pub mod message;
pub mod output;
pub mod reply;
pub mod request;

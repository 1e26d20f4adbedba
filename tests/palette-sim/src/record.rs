//! What was asked and what was answered, for a test to look at afterwards.
//!
//! A request is recorded once it was read in full; its answer before its first byte
//! is written. So a client that has an answer finds it here.

use std::time::Instant;

use serde_json::Value;

use crate::fault::Act;

/// One request with its answer.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// As sent.
    pub method: String,
    /// As sent, before the path was taken apart.
    pub target: String,
    /// Percent-decoded, without the query.
    pub path: String,
    /// Decoded, in order.
    pub query: Vec<(String, String)>,
    /// Names and values as sent, in order. Bytes outside UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// Without transfer coding.
    pub body: Vec<u8>,
    /// When it had been read.
    pub at: Instant,
    /// Counts connections from 1: equal for requests that shared one.
    pub connection: u64,
    /// What was answered.
    pub answer: Answer,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 0 where a fault left no head to send.
    pub status: u16,
    /// In the order they were sent.
    pub headers: Vec<(String, String)>,
    /// What followed.
    pub body: Sent,
    /// The fault that shaped it.
    pub fault: Option<Act>,
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Kept as it is.
    Bytes(Vec<u8>),
    /// An archive: the bytes handed to the connection. Until its end is written, a
    /// chunked one counts 0.
    Stream(u64),
}

impl Recorded {
    /// The first header of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The first query parameter of this name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.iter();
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The request's body, where it is JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl Answer {
    /// The first header of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body, where it was kept and is JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        match &self.body {
            Sent::Bytes(bytes) => serde_json::from_slice(bytes).ok(),
            Sent::Stream(_) => None,
        }
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

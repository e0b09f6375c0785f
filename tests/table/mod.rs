//! A typed call of every operation, as the code generator lists them.
#![allow(dead_code)]

use std::future::Future;
use std::pin::Pin;

use seqera::prelude::*;
use seqera::{ByteStream, Response, Result, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A typed call of an operation.
pub type Call = fn(Client, Sample) -> Pin<Box<dyn Future<Output = Result<Outcome>> + Send>>;

/// What an operation is called with.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The request's body.
    pub body: Value,
    /// Whether the parameters that may be left out are set.
    pub full: bool,
}

/// What came of a call.
#[derive(Debug)]
pub struct Outcome {
    pub status: StatusCode,
    pub content: Content,
}

/// The value of a reply.
#[derive(Debug, PartialEq)]
pub enum Content {
    /// A typed value, written again.
    Json(Value),
    Empty,
    Bytes(Vec<u8>),
}

impl Sample {
    /// A value for a parameter that may be left out.
    fn optional<T>(&self, value: T) -> Option<T> {
        self.full.then_some(value)
    }

    /// Values for an array parameter that may be left out.
    fn list<T>(&self, values: [T; 2]) -> Vec<T> {
        self.full.then_some(values).into_iter().flatten().collect()
    }
}

fn from_json<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error} in {value}"))
}

fn moment() -> seqera::Timestamp {
    "2026-03-01T09:30:00Z".parse().unwrap()
}

fn keep<T: Serialize>(reply: Response<T>) -> Result<Outcome> {
    let status = reply.status();
    let content = Content::Json(serde_json::to_value(reply.into_value()).unwrap());
    Ok(Outcome { status, content })
}

fn empty(reply: Response<()>) -> Result<Outcome> {
    Ok(Outcome {
        status: reply.status(),
        content: Content::Empty,
    })
}

async fn collect(reply: Response<ByteStream>) -> Result<Outcome> {
    let status = reply.status();
    let chunks: Vec<_> = reply.into_value().try_collect().await?;
    Ok(Outcome {
        status,
        content: Content::Bytes(chunks.concat()),
    })
}

include!(concat!(env!("OUT_DIR"), "/calls.rs"));

//! Deliveries on their way into the database: those that come at once are noted at once.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot};

use crate::rules::event::Seen;
use crate::rules::state::State;

/// How many wait to be noted, at most.
const LONGEST: usize = 2_000;
/// How many are noted in one transaction.
const BATCH: usize = 200;

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is noted.
    New,
    /// It was noted before.
    Known,
    /// There is no room.
    Full,
    /// The database could not be written.
    Failed,
}

type Waiting = (Vec<Seen>, oneshot::Sender<Taken>);

/// Deliveries that wait to be noted.
#[derive(Debug)]
pub struct Queue(mpsc::Sender<Waiting>);

impl Queue {
    /// A queue into a database.
    pub fn new(state: State, found: Arc<Notify>) -> Self {
        let (send, mut waiting) = mpsc::channel::<Waiting>(LONGEST);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            while waiting.recv_many(&mut batch, BATCH).await > 0 {
                let all: Vec<Seen> = batch
                    .iter()
                    .flat_map(|(seen, _)| seen.iter().cloned())
                    .collect();
                let noted = state.see(&all, None).await;
                if matches!(noted, Ok(new) if new > 0) {
                    found.notify_one();
                }
                let taken = match noted {
                    // Of several that were noted at once, nobody asks which was known.
                    Ok(0) => Taken::Known,
                    Ok(_) => Taken::New,
                    Err(error) => {
                        tracing::error!(%error, "deliveries could not be noted");
                        Taken::Failed
                    }
                };
                for (_, answer) in batch.drain(..) {
                    let _ = answer.send(taken);
                }
            }
        });
        Self(send)
    }

    /// Notes a delivery, and tells when it is noted.
    pub async fn note(&self, seen: Vec<Seen>) -> Taken {
        let (send, answer) = oneshot::channel();
        match self.0.try_send((seen, send)) {
            Ok(()) => answer.await.unwrap_or(Taken::Failed),
            Err(_) => Taken::Full,
        }
    }
}

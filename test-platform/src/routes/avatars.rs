//! Pictures of users and organizations.

use bytes::Bytes;
use serde_json::json;

use super::Routes;
use super::turn::Turn;
use crate::call::{Answer, Refusal, Reply, answer};
use crate::state::{Record, short_id};

pub const ROUTES: Routes = &[("CreateAvatar", create), ("DownloadAvatar", download)];

/// The bucket that holds the pictures; no data link shows it.
const BUCKET: &str = "avatars of the Platform";

fn create(turn: &mut Turn<'_>) -> Reply {
    let part = (turn.call.parts.iter().find(|part| part.file_name.is_some()))
        .ok_or_else(|| Refusal::bad_request("The form has no file"))?;
    if part.content.is_empty() {
        return Err(Refusal::bad_request("The file is empty"));
    }
    let content: Bytes = part.content.clone();
    let id = short_id(turn.state.next_id(), 22);
    turn.store.put(BUCKET, &id, content);
    let now = turn.state.today();
    let avatar = json!({ "id": id, "dateCreated": now, "lastUpdated": now });
    turn.state
        .keep("avatar", Record::new(&id, 0, avatar.clone()));
    answer(
        json!({ "avatar": avatar, "url": format!("{}/avatars/{id}", turn.state.settings.endpoint) }),
    )
}

fn download(turn: &mut Turn<'_>) -> Reply {
    let id = turn.call.path("avatarId");
    match turn.store.get(BUCKET, id) {
        Some(object) => Ok(Answer::bytes("application/octet-stream", object.content)),
        None => Err(Refusal::not_found(format!("Unknown avatar: {id}"))),
    }
}

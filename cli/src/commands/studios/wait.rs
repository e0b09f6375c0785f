//! The wait for a Studio.

use std::time::Duration;

use super::StudioStatus;
use crate::context::{Context, Place};
use crate::exit::{Exit, Result};

/// Waits for a Studio, if that is wanted and something was set going.
pub async fn after(
    context: &Context,
    place: &Place<'_>,
    id: &str,
    submitted: bool,
    wanted: Option<StudioStatus>,
) -> Result<Exit> {
    match wanted {
        None => Ok(Exit::Done),
        Some(_) if !submitted => Ok(Exit::Failed),
        Some(wanted) => wait(context, place, id, wanted).await,
    }
}

async fn wait(
    context: &Context,
    place: &Place<'_>,
    id: &str,
    wanted: StudioStatus,
) -> Result<Exit> {
    context.goes_on(format!("Studio {id} goes on."));
    let mut pause = Duration::from_secs(2);
    let (mut last, mut looks, mut troubles) = (String::new(), 0, 0);
    loop {
        let call = context.client()?.describe_data_studio().session_id(id);
        match call.workspace_id(place.id()).send().await {
            Ok(reply) => {
                troubles = 0;
                let info = reply.status_info.unwrap_or_default();
                let status = info
                    .status
                    .map(|status| status.to_string())
                    .unwrap_or_default();
                if status != last {
                    context.note(&format!("Studio {id} is {status}"));
                    last = status;
                }
            }
            // A look does no harm: one that fails is made again.
            Err(error) if error.is_retryable() && troubles < 10 => troubles += 1,
            Err(error) => return Err(error.into()),
        }
        if let Some(exit) = reached(&last, wanted, looks) {
            return Ok(exit);
        }
        looks += 1;
        tokio::time::sleep(pause).await;
        pause = (pause + Duration::from_secs(1)).min(Duration::from_secs(30));
    }
}

/// Whether a Studio has come to what is waited for; none while it may.
fn reached(status: &str, wanted: StudioStatus, looks: u32) -> Option<Exit> {
    if status == wanted.as_str() {
        return Some(Exit::Done);
    }
    match (status, wanted) {
        // It has been there, between two looks.
        ("running", StudioStatus::Starting | StudioStatus::Building) => Some(Exit::Done),
        ("stopped", StudioStatus::Stopping) => Some(Exit::Done),
        ("errored" | "buildFailed", _) => Some(Exit::Otherwise),
        // The first looks may still see what was before.
        ("stopped", StudioStatus::Running | StudioStatus::Starting) if looks > 3 => {
            Some(Exit::Otherwise)
        }
        ("running", StudioStatus::Stopped | StudioStatus::Stopping) if looks > 30 => {
            Some(Exit::Otherwise)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_on_the_way_and_the_first_look_may_come_too_early() {
        assert_eq!(reached("building", StudioStatus::Running, 1), None);
        assert_eq!(reached("running", StudioStatus::Stopped, 0), None);
        assert_eq!(
            reached("stopped", StudioStatus::Running, 9),
            Some(Exit::Otherwise)
        );
        assert_eq!(
            reached("errored", StudioStatus::Running, 0),
            Some(Exit::Otherwise)
        );
        assert_eq!(
            reached("running", StudioStatus::Running, 0),
            Some(Exit::Done)
        );
    }
}

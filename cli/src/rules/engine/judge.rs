//! What a failure means for the event that met it, and for others.

use seqera::ErrorKind;

use crate::kit;
use crate::rules::actions::Outcome;

/// What a failure means of a call that only looks, or may be made again.
pub fn of_look(error: &seqera::Error) -> Outcome {
    let why = told(error);
    match error.kind() {
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Connection => Outcome::Nobody(why),
        ErrorKind::Configuration => Outcome::Nobody(why),
        _ if error.is_unauthorized() => Outcome::Nobody(why),
        _ if may_pass(error) => Outcome::Later(why),
        _ => Outcome::Failed(why),
    }
}

/// What a failure means of a call that may be made once.
pub fn of_act(error: &seqera::Error) -> Outcome {
    let why = told(error);
    match error.kind() {
        // Nothing came to the server.
        ErrorKind::Connect | ErrorKind::Configuration => Outcome::Nobody(why),
        ErrorKind::InvalidRequest
        | ErrorKind::NotSent
        | ErrorKind::NotFound
        | ErrorKind::Ambiguous => Outcome::Failed(why),
        ErrorKind::Status if error.is_unauthorized() => Outcome::Nobody(why),
        ErrorKind::Status if error.is_rate_limited() => Outcome::Later(why),
        ErrorKind::Status if error.error_id().is_none() && !error.is_conflict() => {
            match error
                .status()
                .is_some_and(|status| status.is_client_error() && status != 408)
            {
                true => Outcome::Failed(why),
                false => Outcome::Unclear(why),
            }
        }
        _ => Outcome::Unclear(why),
    }
}

/// As [`of_look`], of what the kit does.
pub fn of_kit(error: &kit::Error) -> Outcome {
    match error {
        kit::Error::Platform(error) => of_look(error),
        other => Outcome::Failed(other.to_string()),
    }
}

fn may_pass(error: &seqera::Error) -> bool {
    error.is_retryable()
        || error.error_id().is_some()
        || error.kind() == ErrorKind::InvalidResponse
        || error
            .status()
            .is_some_and(|status| status.is_server_error() || status == 408)
}

fn told(error: &seqera::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

//! Makes records: what an operation or a seed brings into the world.

use serde_json::{Value, json};

use crate::state::{Outcome, Pace, Record, State};

/// A new account.
pub fn user(state: &mut State, name: &str, email: Option<&str>) -> Record {
    let number = state.next_id() as i64;
    user_with_id(state, number, name, email, ("", ""))
}

pub fn user_with_id(
    state: &mut State,
    id: i64,
    name: &str,
    email: Option<&str>,
    full: (&str, &str),
) -> Record {
    let now = state.today();
    let known = |text: &str| {
        if text.is_empty() {
            Value::Null
        } else {
            json!(text)
        }
    };
    let user = json!({
        "id": id,
        "userName": name,
        "email": email.map_or_else(|| format!("{name}@open-genomics.example"), str::to_owned),
        "firstName": known(full.0),
        "lastName": known(full.1),
        "organization": null,
        "description": null,
        "avatar": null,
        "avatarId": null,
        "notification": true,
        "termsOfUseConsent": true,
        "marketingConsent": false,
        "lastAccess": now,
        "dateCreated": now,
        "lastUpdated": now,
        "deleted": false,
    });
    let user = Record::new(id, 0, user);
    state.keep("user", user.clone());
    user
}

/// Sets how the next run of a pipeline goes, or every one: how it ends, on how many samples it works,
/// what moves it.
pub fn course(
    state: &mut State,
    pipeline: &str,
    (outcome, samples, pace): (Outcome, Option<usize>, Option<Pace>),
    always: bool,
) {
    if always {
        state.forget("course", |other| {
            other.is("always") && other["pipeline"] == pipeline
        });
    }
    let number = state.next_id();
    let record = json!({
        "pipeline": pipeline, "outcome": outcome, "samples": samples, "pace": pace, "always": always,
    });
    state.keep("course", Record::new(number, 0, record));
}

/// Gives a user a token.
pub fn token(state: &mut State, user: i64, name: &str, secret: String) -> Record {
    let number = state.next_id();
    let token = json!({
        "id": number,
        "name": name,
        "basicAuth": null,
        "lastUsed": null,
        "dateCreated": state.today(),
        "_secret": secret,
    });
    let token = Record::new(number, -user, token);
    state.keep("token", token.clone());
    token
}

/// Makes a user a member of an organization; gives back who it is already.
pub fn member(state: &mut State, organization: i64, user: i64, role: &str) -> Record {
    let is_own = |member: &&Record| member.number("userId") == user;
    if let Some(member) = state.within("member", organization).find(is_own) {
        return member.clone();
    }
    let number = state.next_id();
    member_with_id(state, number as i64, organization, user, role)
}

pub fn member_with_id(
    state: &mut State,
    id: i64,
    organization: i64,
    user: i64,
    role: &str,
) -> Record {
    let known = state.known("user", &user.to_string());
    let of_user = |name: &str| known.map_or(Value::Null, |known| known[name].clone());
    let member = json!({
        "memberId": id,
        "userId": user,
        "userName": of_user("userName"),
        "email": of_user("email"),
        "firstName": of_user("firstName"),
        "lastName": of_user("lastName"),
        "avatar": of_user("avatar"),
        "role": role,
    });
    let member = Record::new(id, organization, member);
    state.keep("member", member.clone());
    member
}

/// Makes a member of an organization a participant of its workspace.
pub fn participant(
    state: &mut State,
    scope: i64,
    organization: i64,
    user: i64,
    role: &str,
) -> Record {
    let member = member(state, organization, user, "collaborator");
    let sort = if member["role"] == "collaborator" {
        "COLLABORATOR"
    } else {
        "MEMBER"
    };
    let number = state.next_id();
    let participant = json!({
        "participantId": number,
        "memberId": member["memberId"],
        "userName": member["userName"],
        "firstName": member["firstName"],
        "lastName": member["lastName"],
        "email": member["email"],
        "orgRole": member["role"],
        "teamId": null,
        "teamName": null,
        "wspRole": role,
        "type": sort,
        "teamAvatarUrl": null,
        "userAvatarUrl": null,
        "_userId": user,
    });
    let participant = Record::new(number, scope, participant);
    state.keep("participant", participant.clone());
    participant
}

/// Makes a team a participant of a workspace.
pub fn team_participant(state: &mut State, scope: i64, team: &Record, role: &str) -> Record {
    let number = state.next_id();
    let participant = json!({
        "participantId": number,
        "teamId": team["teamId"],
        "teamName": team["name"],
        "wspRole": role,
        "type": "TEAM",
    });
    let participant = Record::new(number, scope, participant);
    state.keep("participant", participant.clone());
    participant
}

/// Makes a member of the organization a member of a team.
pub fn join_team(state: &mut State, team: i64, member: &Record) {
    let own = json!({ "memberId": member.id, "userId": member["userId"] });
    state.keep("team_member", Record::new(&member.id, team, own));
}

/// Tool and image of the templates.
pub const TEMPLATES: &[(&str, &str)] = &[
    (
        "jupyter",
        "public.cr.seqera.io/platform/data-studio-jupyter:4.2.5",
    ),
    (
        "rstudio",
        "public.cr.seqera.io/platform/data-studio-ride:2025.04.1",
    ),
    (
        "vscode",
        "public.cr.seqera.io/platform/data-studio-vscode:1.101.2",
    ),
    (
        "xpra",
        "public.cr.seqera.io/platform/data-studio-xpra:6.2.0",
    ),
];

/// The template of an image; another image is a custom one.
pub fn studio_template(image: &str) -> Value {
    let known = TEMPLATES
        .iter()
        .find(|(tool, known)| *known == image || image.contains(*tool));
    json!({
        "repository": image,
        "icon": known.map(|(tool, _)| tool),
        "tool": known.map(|(tool, _)| tool),
        "status": if known.is_some() { "recommended" } else { "unsupported" },
    })
}

//! A service that launches: POST a sample sheet's URL to `/runs`, GET the status from `/runs/{id}`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Router, serve};
use seqera::Client;
use tokio::net::TcpListener;

type Answer = Result<String, (StatusCode, String)>;

pub async fn run(research: Client, listener: TcpListener) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/runs", post(launch))
        .route("/runs/{id}", get(status));
    serve(listener, routes.with_state(research)).await
}

async fn launch(State(research): State<Client>, sheet: String) -> Answer {
    let launch = research.launch("nf-core-rnaseq").param("input", sheet);
    let run = launch.send().await.map_err(refusal)?;
    Ok(run.id().to_owned())
}

async fn status(State(research): State<Client>, Path(id): Path<String>) -> Answer {
    let status = research.run(id).status().await.map_err(refusal)?;
    Ok(status.to_string())
}

/// The caller's mistakes are the caller's to mend, all else is ours.
fn refusal(error: seqera::Error) -> (StatusCode, String) {
    let status = match error.is_gone_or_forbidden() {
        true => StatusCode::NOT_FOUND,
        false => StatusCode::BAD_GATEWAY,
    };
    (status, error.to_string())
}

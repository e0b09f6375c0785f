//! Every operation, carried out: the steps of `rounds.yml`.

use std::collections::BTreeSet;

use seqera_test_platform::TestPlatform;

use crate::schema;
use crate::steps::carry_out;

/// It ends the user, and so has a test of its own.
const ELSEWHERE: &str = "DeleteUser";
/// What the Platform leaves out on purpose.
const LEFT_OUT: &str = "GetEncryptedCredentials";

#[tokio::test]
async fn every_operation_is_carried_out_and_answers_as_the_schema_says() {
    let builder = TestPlatform::builder().calls_per_second(None);
    let platform = builder
        .clock_at("2026-06-01T08:00:00Z")
        .start()
        .await
        .unwrap();
    carry_out(&platform, |replied| {
        schema::check(replied.method, replied.path, replied.status, replied.reply);
    })
    .await;
    let carried_out: BTreeSet<String> = (platform.received().into_iter())
        .filter(|call| (200..400).contains(&call.status))
        .filter_map(|call| call.operation)
        .collect();
    let missing: Vec<String> = (schema::operations().into_iter())
        .filter(|id| !carried_out.contains(id) && id != ELSEWHERE && id != LEFT_OUT)
        .collect();
    assert_eq!(missing, [""; 0]);
}

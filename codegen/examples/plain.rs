//! Prints what progenitor makes of a schema with only the fixups that it needs: the yardstick of
//! `benches/compile_cost.py`.

use std::{env, fs};

fn main() -> anyhow::Result<()> {
    let schema = env::args()
        .nth(1)
        .unwrap_or_else(|| "seqera-api-latest.yml".to_owned());
    print!(
        "{}",
        seqera_codegen::generate_plain(&fs::read_to_string(schema)?)?
    );
    Ok(())
}

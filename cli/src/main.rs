//! `seqctl`: the Seqera Platform on the command line. Called through a link named `tw` it is `tw`.

fn main() -> std::process::ExitCode {
    seqera_cli::run()
}

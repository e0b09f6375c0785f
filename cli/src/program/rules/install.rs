//! `rules install`: how `rules run` becomes a service.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::exit::{Exit, Result};

#[derive(Args, Debug)]
pub struct Install {
    /// File of rules that the service runs
    #[arg(value_name = "FILE", default_value = "/etc/seqctl/rules.yml")]
    file: PathBuf,
    /// User that the service runs as
    #[arg(long, default_value = "seqctl")]
    user: String,
    /// File with the variables of the service, such as TOWER_ACCESS_TOKEN
    #[arg(long, value_name = "FILE", default_value = "/etc/seqctl/rules.env")]
    environment: PathBuf,
}

impl Install {
    pub fn run(self, context: &Context) -> Result<Exit> {
        let program = std::env::current_exe();
        let program = program.map_or_else(
            |_| "/usr/local/bin/seqctl".to_owned(),
            |path| path.display().to_string(),
        );
        let (unit, container) = (self.unit(&program), self.container());
        let text = format!(
            "# /etc/systemd/system/seqctl-rules.service\n\
             # systemctl enable --now seqctl-rules; systemctl reload seqctl-rules takes changed files\n\
             {unit}\n# Containerfile, beside the program and the file of rules\n\
             # run -v rules:/var/lib/seqctl-rules --env-file FILE -p 127.0.0.1:8730:8730\n{container}"
        );
        context.say(json!({"systemd": unit, "container": container}), text)
    }

    fn unit(&self, program: &str) -> String {
        format!(
            "[Unit]\n\
             Description=Launches on the Seqera Platform as things happen\n\
             After=network-online.target\n\
             Wants=network-online.target\n\
             \n\
             [Service]\n\
             User={user}\n\
             EnvironmentFile={environment}\n\
             StateDirectory=seqctl-rules\n\
             ExecStart=\"{program}\" rules run \"{file}\" --database /var/lib/seqctl-rules/rules.db\n\
             ExecReload=/bin/kill -HUP $MAINPID\n\
             Restart=always\n\
             RestartSec=5\n\
             NoNewPrivileges=true\n\
             PrivateTmp=true\n\
             ProtectSystem=strict\n\
             ProtectHome=read-only\n\
             \n\
             [Install]\n\
             WantedBy=multi-user.target\n",
            user = self.user,
            environment = self.environment.display(),
            file = self.file.display(),
        )
    }

    fn container(&self) -> String {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        format!(
            "FROM debian:stable-slim\n\
             RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*\n\
             COPY seqctl /usr/local/bin/seqctl\n\
             COPY {name} /etc/seqctl/{name}\n\
             RUN useradd --system seqctl && install -d -o seqctl /var/lib/seqctl-rules\n\
             USER seqctl\n\
             VOLUME /var/lib/seqctl-rules\n\
             EXPOSE 8730\n\
             # The password of the page is a secret of whatever runs the container.\n\
             ENTRYPOINT [\"seqctl\", \"rules\", \"run\", \"/etc/seqctl/{name}\", \"--database\", \"/var/lib/seqctl-rules/rules.db\", \\\n  \
             \"--listen\", \"0.0.0.0:8730\", \"--password-file\", \"/run/secrets/rules-password\"]\n"
        )
    }
}

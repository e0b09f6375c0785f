//! The page, in a browser without a window: at two widths, light and dark, with events whose text is
//! HTML, and secrets that nothing may show. Where there is no browser, the test says so.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{PATIENCE, World, told, until};

/// A browser, spoken to by its protocol for tools: messages of JSON, each with a zero after it.
struct Browser {
    process: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: Option<String>,
    calls: u64,
    /// What it told meanwhile.
    events: Vec<Value>,
    profile: tempfile::TempDir,
}

/// A program on the path.
fn found(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

impl Browser {
    fn start() -> Option<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
        let name = names.into_iter().find(|name| found(name))?;
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new("sh")
            // It speaks over the third and the fourth of its files.
            .args([
                "-c",
                "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1",
                name,
            ])
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox"])
            .args(["--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .args(["--disable-background-networking", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = process.stdin.take().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let (send, from) = channel();
        std::thread::spawn(move || {
            loop {
                let mut message = Vec::new();
                match out.read_until(0, &mut message) {
                    Ok(length) if length > 0 => message.truncate(length - 1),
                    _ => return,
                }
                let Ok(message) = serde_json::from_slice(&message) else {
                    return;
                };
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            process,
            to,
            from,
            session: None,
            calls: 0,
            events: Vec::new(),
            profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", attach);
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Network.enable"] {
            browser.call(domain, json!({}));
        }
        Some(browser)
    }

    fn next(&mut self) -> Value {
        let message = self.from.recv_timeout(PATIENCE);
        message.expect("the browser says nothing more")
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut message = json!({"id": self.calls, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).unwrap();
        loop {
            let message = self.next();
            if message["id"] == self.calls {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn open(&mut self, url: &str) {
        self.events.clear();
        let opened = self.call("Page.navigate", json!({"url": url}));
        assert!(opened.get("errorText").is_none(), "{opened}");
        let is_loaded = |event: &Value| event["method"] == "Page.loadEventFired";
        while !self.events.iter().any(is_loaded) {
            let message = self.next();
            self.events.push(message);
        }
    }

    /// What an expression of the page comes to.
    fn eval(&mut self, expression: &str) -> Value {
        let call = json!({"expression": expression, "returnByValue": true});
        let value = self.call("Runtime.evaluate", call);
        assert!(
            value.get("exceptionDetails").is_none(),
            "{expression}: {value}"
        );
        value["result"]["value"].clone()
    }

    /// The addresses that were asked for anything.
    fn asked(&self) -> Vec<String> {
        let requests = self
            .events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent");
        let url = |event: &Value| {
            event["params"]["request"]["url"]
                .as_str()
                .map(str::to_owned)
        };
        requests.filter_map(url).collect()
    }

    /// Keeps a picture, for whoever wants to look: `SEQCTL_TEST_PICTURES` names a folder.
    fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("SEQCTL_TEST_PICTURES") else {
            return;
        };
        let call = json!({"format": "png", "captureBeyondViewport": true});
        let picture = self.call("Page.captureScreenshot", call);
        let path = std::path::Path::new(&folder).join(format!("{name}.png"));
        let mut decode = Command::new("base64")
            .arg("-d")
            .stdin(Stdio::piped())
            .stdout(std::fs::File::create(path).unwrap())
            .spawn()
            .unwrap();
        let mut to = decode.stdin.take().unwrap();
        to.write_all(picture["data"].as_str().unwrap().as_bytes())
            .unwrap();
        drop(to);
        assert!(decode.wait().unwrap().success());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its own processes end with it, if it is asked to end.
        let _ = self
            .to
            .write_all(b"{\"id\": 0, \"method\": \"Browser.close\"}\0");
        let begun = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        // The last of them may still write there.
        let profile = self.profile.path();
        while profile.exists() && begun.elapsed() < PATIENCE {
            let _ = std::fs::remove_dir_all(profile);
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

const SECRET: &str = "s3cret-of-the-lims";
const HOOK: &str = "https://chat.example.com/hidden-hook";
const PASSWORD: &str = "open-sesame-1";
const EVIL: &str = "<img src=x onerror='document.title=1'><script>document.title=2</script>";

fn rules() -> String {
    format!(
        "rules:
- {{name: demultiplex, on: {{files: 'in/*/CopyComplete.txt', existing: launch}}, launch: {{pipeline: nf-core-rnaseq}}}}
- name: 'fails <b>loudly</b>'
  on: {{webhook: /fails, secret: $LIMS_SECRET}}
  command: [sh, -c, \"echo '{EVIL}' {SECRET} 1>&2; exit 3\"]
- {{name: tell, on: {{webhook: /tell, secret: $LIMS_SECRET}}, notify: {{post: $CHAT_URL, text: '{{{{ event.kind }}}}'}}}}
- {{name: nightly, on: {{schedule: '0 2 * * 1-5', timezone: Europe/Paris}}, launch: {{pipeline: nf-core-rnaseq}}}}
- {{name: report, on: {{run: {{pipeline: nf-core-rnaseq, status: [SUCCEEDED, FAILED], labels: [auto]}}}}, command: [echo, '{{{{ run.id }}}}']}}
"
    )
}

/// Elements that stand out of the window to the right, and texts that can hardly be read.
const FAULTS: &str = r"(() => {
    const faults = [];
    const number = colour => colour.match(/[\d.]+/g).map(Number);
    const light = colour => {
        const [r, g, b] = number(colour).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b;
    };
    for (const one of document.body.querySelectorAll('*')) {
        const box = one.getBoundingClientRect();
        if (box.width === 0) continue;
        const what = one.outerHTML.slice(0, 120);
        if (box.right > innerWidth + 1 || box.left < -1) faults.push('outside: ' + what);
        if (![...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
        let back = one;
        while (back.parentElement && (number(getComputedStyle(back).backgroundColor)[3] === 0)) back = back.parentElement;
        const two = [light(getComputedStyle(one).color), light(getComputedStyle(back).backgroundColor)].sort((a, b) => b - a);
        const contrast = (two[0] + .05) / (two[1] + .05);
        const words = document.createRange();
        words.selectNodeContents(one);
        if (one.matches('.state, .time, .number, th') && words.getClientRects().length > 1) faults.push('broken: ' + what);
        if (contrast < 4.5) faults.push(contrast.toFixed(2) + ' of contrast: ' + what);
    }
    if (document.documentElement.scrollWidth > innerWidth) faults.push('the page is wider than its window');
    return faults;
})()";

#[test]
fn the_page_shows_what_happened_and_nothing_else() {
    let Some(mut browser) = Browser::start() else {
        eprintln!("skipped: there is no browser (apt-get install chromium)");
        return;
    };
    let world = World::new();
    world.write("rules.yml", &rules());
    world.write("password", PASSWORD);
    world.write(&format!("in/run-{}/CopyComplete.txt", "w".repeat(180)), "");
    for (number, event) in [
        json!({"rule": "fails <b>loudly</b>", "key": format!("{EVIL} {SECRET}")}),
        json!({"rule": "gone", "key": "of a rule that is no more"}),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("event-{number}.json");
        world.write(&name, &event.to_string());
        let fed = world.run(&format!("rules emit {name}"));
        assert_eq!(fed.status.code(), Some(0), "{}", told(&fed));
    }
    let mut command =
        world.command("rules run rules.yml --listen 127.0.0.1:0 --password-file password");
    command.env("LIMS_SECRET", SECRET).env("CHAT_URL", HOOK);
    let runner = crate::Runner::start(command);
    runner.says("listening at", 1);
    let said = runner.told();
    let url = said.split("listening at ").nth(1).unwrap();
    let url = url.lines().next().unwrap().trim().to_owned();
    let ended = || world.count("done") == 1 && world.count("failed") == 1;
    until(ended, || runner.told());

    // The password, as a browser sends it: `any:open-sesame-1`.
    let basic = "Basic YW55Om9wZW4tc2VzYW1lLTE=";
    let headers = json!({"headers": {"Authorization": basic}});
    browser.call("Network.setExtraHTTPHeaders", headers);
    let mut backs = Vec::new();
    for (width, height) in [(1280, 900), (390, 844)] {
        for scheme in ["light", "dark"] {
            let name = format!("{scheme}-{width}");
            let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
            browser.call("Emulation.setDeviceMetricsOverride", metrics);
            let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
            browser.call("Emulation.setEmulatedMedia", media);
            browser.open(&url);
            browser.picture(&name);
            assert_eq!(browser.eval(FAULTS), json!([]), "{name}");
            assert_eq!(browser.eval("innerWidth"), width, "{name}");
            backs.push(browser.eval("getComputedStyle(document.body).backgroundColor"));
            // What happened is there, as text.
            let text = browser.eval("document.body.innerText");
            let text = text.as_str().unwrap();
            for shown in [
                "demultiplex",
                "in/*/CopyComplete.txt",
                "fails <b>loudly</b>",
                "runs of nf-core-rnaseq labelled auto succeeded, failed",
                "0 2 * * 1-5 (Europe/Paris)",
                "POST /tell",
                "no rule any more",
                "<img src=x onerror=",
                "<script>document.title=2</script>",
                "(sensitive)",
                "of a rule that is no more",
            ] {
                assert!(text.contains(shown), "{name}: {shown} is not in\n{text}");
            }
            assert_eq!(browser.eval("document.title"), "Rules (1 need a look)");
            // Nothing is anything but text and links to runs; nothing comes from elsewhere.
            let active = "document.querySelectorAll('img, script, iframe, form, input, button, object, link, td b b').length";
            assert_eq!(browser.eval(active), 0, "{name}");
            let links = browser.eval("[...document.links].map(link => link.href)");
            let links = links.as_array().unwrap();
            assert!(!links.is_empty(), "{name}");
            for link in links {
                assert!(link.as_str().unwrap().contains("/watch/"), "{link}");
            }
            for asked in browser.asked() {
                assert!(asked.starts_with(&url), "{asked}");
            }
            let source = browser.eval("document.documentElement.outerHTML");
            no_secret_in(&name, source.as_str().unwrap(), &world);
        }
    }
    assert_eq!((&backs[0], &backs[1]), (&backs[2], &backs[3]));
    assert_ne!(backs[0], backs[1], "dark is as light");

    // Nor is a secret in the metrics, the log, or the state.
    let metrics = world.runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let asked = http
            .get(format!("{url}/metrics"))
            .header("Authorization", basic);
        asked.send().await.unwrap().text().await.unwrap()
    });
    assert!(metrics.contains("seqctl_rules_events"), "{metrics}");
    no_secret_in("metrics", &metrics, &world);
    no_secret_in("log", &runner.told(), &world);
    runner.signal("-TERM");
    assert_eq!(runner.ended(), Some(0));
    for entry in std::fs::read_dir(world.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("seqctl-rules.db") {
            let bytes = std::fs::read(&path).unwrap();
            no_secret_of_files_in("state", &String::from_utf8_lossy(&bytes));
        }
    }
}

fn no_secret_in(what: &str, text: &str, world: &World) {
    no_secret_of_files_in(what, text);
    for hidden in [SECRET, world.platform.token()] {
        assert!(!text.contains(hidden), "{hidden} is in {what}\n{text}");
    }
}

fn no_secret_of_files_in(what: &str, text: &str) {
    for hidden in [HOOK, "hidden-hook", PASSWORD] {
        assert!(!text.contains(hidden), "{hidden} is in {what}");
    }
}

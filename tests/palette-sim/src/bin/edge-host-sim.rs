//! The simulated edge host as a program, for the demo and for benchmarks.
//!
//! Prints its address and its certificate's SHA-256 as one line on standard output, and ends
//! with standard input.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is its interface"
)]

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, BufRead, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use palette_sim::{EdgeHost, HostWorld, Tls, details};

const USAGE: &str = "\
usage: edge-host-sim [options]
  --user NAME          the user of the operating system, by default kairos
  --password-env VAR   take the password from this environment variable
  --embedded FILE      the archive that the host's image had
  --public-key FILE    the public key in PEM that the host's image has
  --uploads DIR        write each upload into this directory: N.tgz, and N.sig.hex with its
                       signature
  --latency MS         wait before each answer
  --hosts N            as many hosts, each with an address and a line of its own
  --port N             listen on this port of 127.0.0.1, otherwise on a free one
  --address-file FILE  write the lines into this file too
  --log FILE           append a line per answer to this file: method, target, status
  --forever            do not end with standard input
";

struct Options {
    world: HostWorld,
    hosts: u16,
    port: u16,
    address_file: Option<String>,
    log: Option<String>,
    forever: bool,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)).and_then(|options| run(&options).map_err(text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprint!("error: {message}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

#[allow(clippy::needless_pass_by_value)] // the argument of map_err
fn text(error: io::Error) -> String {
    error.to_string()
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        world: HostWorld::new("kairos", "demo-host-password"),
        hosts: 1,
        port: 0,
        address_file: None,
        log: None,
        forever: false,
    };
    while let Some(flag) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{flag} wants a value"));
        match flag.as_str() {
            "--user" => options.world.user = value()?,
            "--password-env" => {
                let name = value()?;
                let password = std::env::var(&name);
                options.world.password = password.map_err(|error| format!("{name}: {error}"))?;
            }
            "--embedded" => {
                let archive = std::fs::read(value()?).map_err(text)?;
                let found = details(&archive).ok_or("--embedded: not an archive")?;
                options.world.slots.insert("embedded", found);
            }
            "--public-key" => {
                options.world.signing_key = Some(std::fs::read_to_string(value()?).map_err(text)?);
            }
            "--uploads" => options.world.upload_directory = Some(value()?.into()),
            "--latency" => {
                options.world.latency = Duration::from_millis(number(&flag, &value()?)?);
            }
            "--hosts" => options.hosts = number(&flag, &value()?)?,
            "--port" => options.port = number(&flag, &value()?)?,
            "--address-file" => options.address_file = Some(value()?),
            "--log" => options.log = Some(value()?),
            "--forever" => options.forever = true,
            other => return Err(format!("unknown option {other}")),
        }
    }
    Ok(options)
}

fn number<T: std::str::FromStr>(flag: &str, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{flag}: `{text}` is not a fitting number"))
}

fn run(options: &Options) -> io::Result<()> {
    let mut hosts = Vec::new();
    let mut lines = String::new();
    for _ in 0..options.hosts {
        let tls = Tls::of_edge_host(&["edge-host-sim"], (2020, 2120));
        let host = EdgeHost::listen(options.world.clone(), tls, options.port)?;
        if let Some(path) = &options.log {
            host.log(OpenOptions::new().create(true).append(true).open(path)?);
        }
        // Writing into a string cannot fail.
        let _ = writeln!(lines, "{} {}", host.address(), host.fingerprint());
        hosts.push(host);
    }
    if let Some(path) = &options.address_file {
        std::fs::write(path, &lines)?;
    }
    print!("{lines}");
    io::stdout().flush()?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        eprintln!("not understood: {line}");
    }
    if options.forever {
        loop {
            std::thread::park();
        }
    }
    Ok(())
}

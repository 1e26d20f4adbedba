//! The simulator as a program, for the demo and for benchmarks.
//!
//! Serves the demo's world, prints its URL as one line on standard output, and ends
//! with standard input. Lines on standard input change the running world.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is its interface"
)]

use std::fs::OpenOptions;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use palette_sim::{Key, Payload, Sim, Tls, World};

const USAGE: &str = "\
usage: palette-sim [options]
  --archive FILE    serve this file for every download
  --padding BYTES   add filler to every archive
  --fleet N         add the profiles site-0001@1.0.0 and so on, this many
  --latency MS      wait before each answer
  --rate-limits     enforce the documented rate limits
  --key-env VAR     take the API key from this environment variable
  --tls DIR         talk TLS; writes ca.pem into this directory
  --port N          listen on this port of 127.0.0.1, otherwise on a free one
  --url-file FILE   write the URL into this file too
  --log FILE        append a line per answer to this file: method, target, status
  --forever         do not end with standard input
on standard input:
  publish PACK VERSION   move a pack to another version, as in `publish edge-k3s 1.31.1`
";

/// The command line, understood.
struct Options {
    world: World,
    tls: Option<PathBuf>,
    port: u16,
    url_file: Option<PathBuf>,
    log: Option<PathBuf>,
    forever: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let options = match parse(arguments) {
        Ok(options) => options,
        Err(message) => {
            eprint!("error: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: Vec<String>) -> Result<Options, String> {
    let mut options = Options {
        world: World::demo(),
        tls: None,
        port: 0,
        url_file: None,
        log: None,
        forever: false,
    };
    let mut arguments = arguments.into_iter();
    while let Some(flag) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{flag} wants a value"));
        let world = &mut options.world;
        match flag.as_str() {
            "--archive" => world.archive.payload = Payload::File(value()?.into()),
            "--padding" => world.archive.padding = number(&flag, &value()?)?,
            "--fleet" => options.world = options.world.fleet(number(&flag, &value()?)?),
            "--latency" => world.latency = Duration::from_millis(number(&flag, &value()?)?),
            "--rate-limits" => world.rate_limits = true,
            "--key-env" => {
                let name = value()?;
                let key = std::env::var(&name).map_err(|error| format!("{name}: {error}"))?;
                world.keys = vec![Key::admin(&key)];
            }
            "--tls" => options.tls = Some(value()?.into()),
            "--port" => options.port = number(&flag, &value()?)?,
            "--url-file" => options.url_file = Some(value()?.into()),
            "--log" => options.log = Some(value()?.into()),
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

fn run(options: Options) -> io::Result<()> {
    let tls = match &options.tls {
        None => None,
        Some(directory) => {
            let tls = Tls::self_signed(&["127.0.0.1", "localhost"]);
            std::fs::write(directory.join("ca.pem"), tls.ca_pem())?;
            Some(tls)
        }
    };
    let sim = Sim::listen(options.world, tls, options.port)?;
    if let Some(path) = &options.log {
        sim.log(OpenOptions::new().create(true).append(true).open(path)?);
    }
    if let Some(path) = &options.url_file {
        std::fs::write(path, format!("{}\n", sim.url()))?;
    }
    println!("{}", sim.url());
    io::stdout().flush()?;
    for line in io::stdin().lock().lines() {
        obey(&sim, &line?);
    }
    if options.forever {
        loop {
            std::thread::park();
        }
    }
    Ok(())
}

/// Executes a line from standard input. What it did goes to standard error: standard
/// output belongs to the URL.
fn obey(sim: &Sim, line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [] => {}
        ["publish", pack, version] => {
            let profiles = sim.world(|world| world.publish(pack, version));
            eprintln!("{pack} is {version} now in {profiles} profiles");
        }
        _ => eprintln!("not understood: {line}"),
    }
}

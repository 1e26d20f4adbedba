//! The team's registry: its answers, and the credentials for it.

use edgestage::error::Error;
use edgestage::registry::RegistryError;

use super::book::Book;
use crate::support::{
    FACTORY, FaultyRegistry, Guard, HEAD, KEY, On, Reply, Test, gzip, unused_port,
};

pub fn all(book: &mut Book) {
    book.part("The registry");
    repositories(book);
    commands(book);
    answers(book);
    credentials(book);
    values(book);
}

fn repositories(book: &mut Book) {
    let digest = format!("r.example/edge@sha256:{}", "a".repeat(64));
    for (what, repository) in [
        ("a repository with a scheme", "https://r.example/edge"),
        ("one with a password", "me:hunter2@r.example/edge"),
        ("one with a tag", "r.example/edge:1.0"),
        ("one with a digest", &digest),
        ("one without a host", "team/edge"),
        ("one with an invalid host", "r.example:http/edge"),
        ("one without a path", "r.example"),
        ("one with a capital letter", "r.example/Edge"),
        ("one with an invalid path", "r.example/edge x"),
    ] {
        let test = Test::new().repository(repository);
        book.run(what, 2, test.run("check --offline"));
    }
    let test = Test::new().registry("repository = \"r.example/edge\"\npassword = \"hunter2\"");
    book.run("a password in the file", 2, test.run("check --offline"));
    let test = Test::new().registry("ca-cert = \"ca.pem\"");
    book.run(
        "a registry without a repository",
        2,
        test.run("check --offline"),
    );
}

/// A registry that has the locked archive, and a test with an empty cache.
fn ready(guard: Guard) -> (FaultyRegistry, Test) {
    let registry = FaultyRegistry::guarded(guard);
    let test = Test::new().repository(&registry.repository());
    test.run("fetch -q").any_stdout().success();
    registry.put(&std::fs::read(test.cached().remove(0)).unwrap());
    test.forget_cache();
    (registry, test)
}

fn commands(book: &mut Book) {
    let test = Test::new();
    book.run("push without a registry", 2, test.run("push"));
    book.run(
        "fetch --push without a registry",
        2,
        test.run("fetch --push"),
    );
    let (registry, test) = ready(Guard::Nobody);
    book.run("pull --offline", 2, test.run("pull --offline"));
    registry.clear();
    book.run("an archive that the registry lacks", 5, test.run("pull"));
    book.run("and no key for Palette", 5, test.run("stage").without_key());
    book.run("the same in check", 0, test.run("check").any_stdout());
    test.run("fetch -q").any_stdout().success();
    let cached = test.cached().remove(0);
    let tar = {
        use std::io::Read as _;
        let mut tar = Vec::new();
        let file = std::fs::File::open(&cached).unwrap();
        flate2::read::MultiGzDecoder::new(file)
            .read_to_end(&mut tar)
            .unwrap();
        tar
    };
    let (a, b) = tar.split_at(512);
    std::fs::write(&cached, [gzip(a), gzip(b)].concat()).unwrap();
    book.run("the same content in other bytes", 3, test.run("push"));
    let test = Test::new().repository(&format!("127.0.0.1:{}/edge/x", unused_port()));
    test.run("fetch -q").any_stdout().success();
    book.run("a registry that is not there", 5, test.run("push"));
    test.forget_cache();
    book.run("and no key for Palette", 5, test.run("stage").without_key());
}

fn answers(book: &mut Book) {
    let (registry, test) = ready(Guard::Nobody);
    let mut answer = |what: &str, code: i32, reply: Reply| {
        registry.fault(On::GetBlob, [reply]);
        book.run(what, code, test.run("pull"));
        registry.clear_faults();
    };
    answer(
        "a request that is rejected",
        1,
        Reply::error(400, "NAME_INVALID", "invalid repository name"),
    );
    answer(
        "a registry that fails",
        5,
        Reply::error(503, "UNAVAILABLE", "try later"),
    );
    answer("an archive that is cut", 5, Reply::Cut(99));
    answer(
        "a page in its place",
        6,
        Reply::Bytes(b"<html>Log in</html>".into()),
    );
    let to = |to: &str| Reply::with(307, format!("Location: {to}"));
    answer(
        "a redirect to plain HTTP",
        5,
        to("http://storage.invalid/b?signature=s3cret"),
    );
    answer("a redirect to nowhere", 5, Reply::with(307, "X: y"));
    let other = crate::support::archive(&[("spc/x", "y")]);
    answer("another archive", 6, Reply::Bytes(other));
    test.run("pull -q").any_stdout().success();
    registry.clear();
    registry.fault(On::Begin, [Reply::with(200, "X: y")]);
    book.run("an upload that does not begin", 6, test.run("push"));
    registry.fault(On::Begin, [to("/elsewhere")]);
    book.run("an upload that is redirected", 5, test.run("push"));
    let lie = format!("Docker-Content-Digest: sha256:{}", "0".repeat(64));
    registry.fault(On::PutBlob, [Reply::Status(201, vec![lie], Vec::new())]);
    book.run("something else that was stored", 6, test.run("push"));
    let test = test.patience("retries = 1\ntimeout = 1");
    test.forget_cache();
    registry.fault(On::GetBlob, [Reply::Deaf, Reply::Deaf]);
    book.run("silence, with a retry", 5, test.run("pull"));
    let failure = Reply::error(503, "UNAVAILABLE", "try later");
    registry.fault(On::GetBlob, [failure.clone(), failure]);
    book.run("a registry that keeps failing", 5, test.run("pull"));
}

fn credentials(book: &mut Book) {
    let (_registry, test) = ready(Guard::Basic("builder:hunter2".into()));
    book.run("no credentials", 4, test.run("pull"));
    let repository = test.text("profiles.toml");
    let repository = repository.split("repository = \"").nth(1).unwrap();
    test.docker_login(repository, "builder", "another-one");
    let pull = || test.run("pull").env("DOCKER_CONFIG", "{dir}/docker");
    book.run("credentials that are refused", 4, pull());
    book.run(
        "the same for a push",
        4,
        test.run("push").env("DOCKER_CONFIG", "{dir}/docker"),
    );
    test.put("docker/config.json", "{\"auths\": [");
    book.run("a file that is not JSON", 4, pull());
    test.put("docker/config.json", r#"{"credsStore": "missing"}"#);
    book.run("a helper that is not there", 4, pull());
    let (_registry, test) = ready(Guard::Elsewhere("http://auth.invalid/token".into()));
    book.run("a token service without TLS", 6, test.run("pull"));
    // A key in a name, which everybody who may pull could read.
    let (registry, test) = ready(Guard::Nobody);
    registry.clear();
    let head = format!(
        "{HEAD}\n[registry]\nrepository = \"{}\"\n",
        registry.repository()
    );
    let test = test.manifest(&format!("{head}\n[definition.{}]\n{FACTORY}\n", "factory"));
    test.run("pull -q").any_stdout().any_stderr().ends(5);
    let lock = test
        .text("profiles.lock")
        .replace("name = \"edge-infra\"", &format!("name = \"{KEY}\""));
    let test = test.key_file("profiles.lock", &lock);
    book.run("a key in a name", 2, test.run("push"));
}

/// What takes another machine, or another state of this one.
fn values(book: &mut Book) {
    let tls = |why: &str| {
        Error::Registry(RegistryError::Tls {
            host: "registry.example.com".into(),
            why: why.into(),
        })
    };
    book.told(
        "an authority that is not trusted",
        &tls("its certificate is signed by an authority that is not trusted here"),
    );
    book.told(
        "plain HTTP in place of TLS",
        &tls("the server does not speak TLS; the port may be for plain HTTP"),
    );
    book.told("another certificate", &tls("its certificate has expired"));
    for error in [
        RegistryError::NoCertificate,
        RegistryError::NoThread("Resource temporarily unavailable".into()),
        RegistryError::Setup("no such trust store".into()),
    ] {
        book.told("what the machine lacks", &Error::Registry(error));
    }
}

//! Determines what shell commands may do to a definition.
//!
//! Input: the simple commands of a script, and the places that were copied to. Output: the
//! [`Obstacle`], if a command may change what is at these places, or if it is not known. Each
//! program that is known has its own rule: it reads, it changes only what it is given, it also
//! writes into its directory, or it makes an image.

use super::Obstacle;
use super::copies::plain;
use super::places::{Places, expanded, is_within};
use super::shell::{Piece, Script, SimpleCommand, Word};

/// Programs that change no file that they are given, or nothing of it that matters.
const READERS: &str = "echo printf test [ [[ ls cat head tail wc grep egrep sha256sum \
    sha512sum sha1sum md5sum basename dirname realpath readlink true false : set sleep pwd stat \
    du df id uname hostname date cut tr uniq jq which exit shift break continue wait chmod \
    chown chgrp sync file find export readonly unset nproc whoami expr seq comm diff cmp sort \
    groupadd useradd add-content-partition.sh";
/// Programs that install software, below directories of their own.
const INSTALLERS: &str = "apt-get apt apt-cache apk zypper dnf yum microdnf tdnf rpm dpkg \
    update-ca-certificates ldconfig systemctl";
/// Programs that change only what they are given.
const WRITERS: &str = "rm mv cp ln install rsync truncate dd shred unlink rmdir tee split \
    gzip gunzip zstd mksquashfs mkfs.vfat";
/// Programs that also write into the directory that they are in.
const UNPACKERS: &str = "tar bsdtar unzip cpio curl wget git unsquashfs";
/// Commands of `git` that change nothing.
const GIT_READERS: &str = "describe log rev-parse status show diff branch ls-files";
/// Programs that make an image of the overlay.
const IMAGE_TOOLS: &str = "entrypoint.sh auroraboot enki";
/// CanvOS unpacks this archive beside the definition: it holds the local UI.
const LOCAL_UI: &str = "local-ui.tar";
/// CanvOS's script that puts the definition into an image; `verify --image` reads the image.
const PARTITION_SCRIPT: &str = "add-content-partition.sh";
/// Commands of `docker` that write no files.
const DOCKER_READERS: &str = "images image inspect load pull tag rmi ps info version";
/// The options of `docker run` that mount something.
const MOUNTS: &str = "-v --volume --mount";
/// The options of `curl` that name files that it writes.
const CURL_OUTPUTS: &str = "-o --output -D --dump-header -c --cookie-jar";
/// How many directories a command may be in.
const DIRECTORIES: usize = 16;
/// How many variables deep the name of a program may be.
const DEPTH: usize = 4;

/// The option that names the overlay.
pub(super) const OVERLAY_OPTION: &str = "--overlay-iso";

/// What has been copied where a line stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct State<'a> {
    /// Where definitions are copied to, as it is written.
    pub targets: &'a [String],
    /// Whether one has been copied.
    pub is_copied: bool,
    /// The directory that commands run in, if it is known.
    pub directory: Option<&'a str>,
}

/// Returns what the commands of `script` may do to a definition.
pub(super) fn of_script(script: &Script, state: State<'_>) -> Option<Obstacle> {
    let mut effects = Effects {
        script,
        places: Places::of(state.targets),
        state,
        directories: vec![state.directory.map(str::to_owned)],
    };
    // What is split, and how, is not known.
    if script.values.contains_key("IFS") && state.is_copied {
        return Some(Obstacle::Changes);
    }
    script
        .commands
        .iter()
        .find_map(|command| effects.of(command))
}

/// What the commands of a script do, one after the other.
struct Effects<'a> {
    script: &'a Script,
    places: Places,
    state: State<'a>,
    /// The directories that the next command may be in, those that are not known as `None`: a
    /// `cd` may fail, or may not be reached.
    directories: Vec<Option<String>>,
}

impl Effects<'_> {
    fn of(&mut self, command: &SimpleCommand) -> Option<Obstacle> {
        if command.outputs.iter().any(|file| self.names_place(file)) {
            return Some(Obstacle::Changes);
        }
        let [program, arguments @ ..] = &command.words[..] else {
            return None;
        };
        self.program(program, arguments, 0)
    }

    /// The effect of `program`, which may be a variable with a whole command line.
    fn program(&mut self, program: &Word, arguments: &[Word], depth: usize) -> Option<Obstacle> {
        if let Some(name) = program.literal() {
            return self.named(name.rsplit('/').next().unwrap_or_default(), arguments);
        }
        let [Piece::Variable(variable)] = &program.0[..] else {
            return self.unknown(arguments);
        };
        let Some(values) = self.script.values.get(variable).filter(|_| depth < DEPTH) else {
            return self.unknown(arguments);
        };
        let itself = Word(vec![Piece::Variable(variable.clone())]);
        let lines: Vec<Vec<Word>> = values.iter().map(Word::split).collect();
        // `A="$A --more"` adds arguments to the other values.
        let (more, whole): (Vec<_>, Vec<_>) =
            lines.iter().partition(|line| line.first() == Some(&itself));
        let more = more.into_iter().flat_map(|line| &line[1..]);
        let arguments: Vec<Word> = more.chain(arguments).cloned().collect();
        if whole.is_empty() {
            return self.unknown(&arguments);
        }
        whole.into_iter().find_map(|line| match &line[..] {
            [] => self.unknown(&arguments),
            [program, rest @ ..] => {
                let all: Vec<Word> = rest.iter().chain(&arguments).cloned().collect();
                self.program(program, &all, depth + 1)
            }
        })
    }

    fn named(&mut self, name: &str, arguments: &[Word]) -> Option<Obstacle> {
        let has = |options: &[&str]| {
            let begins = |word: &Word| {
                options
                    .iter()
                    .any(|option| word.start().starts_with(option))
            };
            arguments.iter().any(begins)
        };
        let first = arguments
            .first()
            .and_then(Word::literal)
            .unwrap_or_default();
        match name {
            "cd" => self.enter(arguments),
            // What is removed before the copies does not matter.
            "rm" | "rmdir" | "mkdir" if !self.state.is_copied => None,
            "sed" if arguments.iter().any(edits_in_place) => self.edits(arguments),
            "awk" if writes_itself(arguments) => self.unknown(arguments),
            "mkdir" if !arguments.iter().any(names_file) => None,
            "sed" | "awk" | "mkdir" | "touch" => speaks_of_place(arguments),
            "docker" => self.docker(arguments),
            "curl" if !arguments.iter().any(names_remote_file) => {
                self.options(arguments, CURL_OUTPUTS)
            }
            "git" if is_one_of(first, GIT_READERS) => None,
            "find" if has(&["-exec", "-ok"]) => self.unknown(arguments),
            "find" if has(&["-delete", "-fprint", "-fls"]) => self.finds(arguments),
            "sort" if has(&["-o", "--output"]) => self.writes(arguments),
            "bash" | "sh" if first.ends_with(PARTITION_SCRIPT) => None,
            name if is_one_of(name, INSTALLERS) => self.installs(arguments),
            name if is_one_of(name, READERS) => None,
            name if is_one_of(name, WRITERS) => self.writes(arguments),
            "tar" if first.trim_start_matches('-').starts_with('t') => None,
            name if is_one_of(name, UNPACKERS) => self.unpacks(arguments),
            "xorriso" | "mkisofs" | "genisoimage" => self.packs(arguments),
            name if is_one_of(name, IMAGE_TOOLS) || has(&[OVERLAY_OPTION]) => {
                self.makes_image(arguments)
            }
            _ => self.unknown(arguments),
        }
    }

    fn enter(&mut self, arguments: &[Word]) -> Option<Obstacle> {
        let to = arguments.first().and_then(Word::literal);
        let entered = self
            .directories
            .iter()
            .map(|directory| match (to, directory) {
                (Some(to), _) if to.starts_with('/') => Some(to.to_owned()),
                (Some(to), Some(directory)) if !to.starts_with('-') => {
                    Some(format!("{directory}/{to}"))
                }
                _ => None,
            });
        let entered: Vec<_> = entered.collect();
        self.directories.extend(entered);
        self.directories.truncate(DIRECTORIES);
        if self.directories.len() == DIRECTORIES {
            self.directories = vec![None];
        }
        None
    }

    /// A program that changes what it is given.
    fn writes(&self, arguments: &[Word]) -> Option<Obstacle> {
        let names = arguments.iter().any(|argument| self.names_place(argument));
        names
            .then_some(Obstacle::Changes)
            .or_else(|| speaks_of_place(arguments))
    }

    /// `find` without a path searches its directory.
    fn finds(&self, arguments: &[Word]) -> Option<Obstacle> {
        let has_path = arguments
            .first()
            .is_some_and(|word| !word.start().starts_with(['-', '!', '(']));
        if has_path {
            return self.writes(arguments);
        }
        self.may_be_place(&Word::from("."))
            .then_some(Obstacle::Changes)
            .or_else(|| self.writes(arguments))
    }

    /// `sed` in place: its files, without the program that it runs.
    fn edits(&self, arguments: &[Word]) -> Option<Obstacle> {
        let is_option = |word: &Word| word.start().starts_with('-');
        let has_program =
            |word: &Word| ["-e", "-f", "--expression", "--file"].contains(&word.start());
        let program = arguments.iter().position(|word| !is_option(word));
        let files = arguments.iter().enumerate();
        let files =
            files.filter(|(at, _)| Some(*at) != program || arguments.iter().any(has_program));
        let files: Vec<Word> = files.map(|(_, word)| word.clone()).collect();
        self.writes(&files).or_else(|| speaks_of_place(arguments))
    }

    /// A program that writes into its directory, unless an option names another one.
    fn unpacks(&self, arguments: &[Word]) -> Option<Obstacle> {
        let literal = |word: &Word| word.literal().is_some_and(|path| path.ends_with(LOCAL_UI));
        if arguments.iter().any(literal) {
            return None;
        }
        let elsewhere = |word: &Word| {
            ["-C", "--directory", "-d", "-o", "--output"]
                .iter()
                .any(|it| word.start().starts_with(it))
        };
        if !arguments.iter().any(elsewhere) && self.may_be_place(&Word::from(".")) {
            return Some(Obstacle::Changes);
        }
        self.writes(arguments)
    }

    /// Packages have directories of their own, unless an option names another root.
    fn installs(&self, arguments: &[Word]) -> Option<Obstacle> {
        let paths = arguments.iter().filter(|word| word.start().contains('/'));
        let paths: Vec<Word> = paths.cloned().collect();
        self.writes(&paths)
    }

    /// Containers write what is mounted; other commands write files that they are given.
    fn docker(&self, arguments: &[Word]) -> Option<Obstacle> {
        let command = arguments.first().and_then(Word::literal);
        if command.is_some_and(|command| is_one_of(command, DOCKER_READERS)) {
            return None;
        }
        if command != Some("run") {
            return self.unknown(arguments);
        }
        self.options(arguments, MOUNTS)
    }

    /// A program that changes only what these options name.
    fn options(&self, arguments: &[Word], options: &str) -> Option<Obstacle> {
        let is_option = |word: &Word| {
            let word = word.start();
            options
                .split_whitespace()
                .any(|option| match option.strip_prefix("--") {
                    Some(_) => word.starts_with(option),
                    // `-xo`: letters may stand together.
                    None => {
                        !word.starts_with("--")
                            && word.starts_with('-')
                            && word.contains(&option[1..])
                    }
                })
        };
        let ends = (arguments.iter().enumerate()).filter(|(_, word)| is_option(word));
        let mut named = ends.map(|(at, _)| &arguments[at..arguments.len().min(at + 2)]);
        named.find_map(|words| self.writes(words))
    }

    /// A tool that makes an image must get the overlay that was copied.
    fn makes_image(&self, arguments: &[Word]) -> Option<Obstacle> {
        let mut others = Vec::new();
        let mut overlay = None;
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.start().strip_prefix(OVERLAY_OPTION) {
                Some("") => overlay = words.next().map(written),
                Some(_) => overlay = written(word).split_once('=').map(|(_, it)| it.to_owned()),
                None => others.push(word.clone()),
            }
        }
        let is_overlay = |target: &String| {
            let target = plain(target).replace(['{', '}'], "");
            overlay
                .as_ref()
                .is_some_and(|overlay| is_within(&target, plain(overlay)))
        };
        if self.state.is_copied && !self.state.targets.iter().any(is_overlay) {
            return Some(Obstacle::OtherOverlay);
        }
        // Names and architectures are not paths.
        let has_path = |word: &Word| {
            word.0
                .iter()
                .any(|piece| matches!(piece, Piece::Literal(it) if it.contains('/')))
        };
        others.retain(has_path);
        self.writes(&others)
    }

    /// A program that makes an image of the directories that it is given.
    fn packs(&self, arguments: &[Word]) -> Option<Obstacle> {
        let is_overlay = |target: &String| {
            let is_it = |word: &Word| plain(&written(word)) == plain(target);
            arguments.iter().any(is_it)
        };
        let writes = ["-osirrox", "-extract", "-cpx", "-rm", "-indev", "-dev"];
        let writes = |word: &Word| writes.iter().any(|it| word.start().starts_with(it));
        if !self.state.is_copied {
            return None;
        }
        if arguments.iter().any(writes) {
            return Some(Obstacle::Changes);
        }
        (!self.state.targets.iter().any(is_overlay)).then_some(Obstacle::OtherOverlay)
    }

    /// A program that is not known may do anything.
    fn unknown(&self, arguments: &[Word]) -> Option<Obstacle> {
        if self.state.is_copied {
            return Some(Obstacle::Changes);
        }
        self.writes(arguments)
    }

    /// Whether an argument, or a part of it such as the value of an option, may name a place.
    fn names_place(&self, argument: &Word) -> bool {
        let Some(words) = expanded(argument, &self.script.values) else {
            return true;
        };
        // Without quotes, the shell splits what a variable stands for.
        let split = words.iter().flat_map(Word::split);
        let mut parts = words
            .iter()
            .cloned()
            .chain(split)
            .flat_map(|word| parts(&word));
        parts.any(|part| self.may_be_place(&part))
    }

    fn may_be_place(&self, path: &Word) -> bool {
        let mut directories = self.directories.iter();
        directories.any(|directory| self.places.may_be(path, directory.as_deref()))
    }
}

/// Whether a definition's file or directory is named, in whatever way.
fn speaks_of_place(arguments: &[Word]) -> Option<Obstacle> {
    let speaks = |piece: &Piece| match piece {
        Piece::Literal(text) => text.contains("clusterconfig") || text.contains("spc.tgz"),
        Piece::Variable(name) => name == "CLUSTERCONFIG",
        _ => false,
    };
    let mut pieces = arguments.iter().flat_map(|word| &word.0);
    pieces.any(speaks).then_some(Obstacle::Changes)
}

/// A word as the file has it, without braces and quotes.
fn written(word: &Word) -> String {
    let pieces = word.0.iter().map(|piece| match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Variable(name) => format!("${name}"),
        Piece::Pattern | Piece::Unknown => "*".to_owned(),
    });
    pieces.collect()
}

/// Whether a word may be that of a definition's file.
fn names_file(word: &Word) -> bool {
    word.literal().is_none_or(|path| path.contains("spc.tgz"))
}

/// Whether an option of `sed` is `-i`, alone or with others.
fn edits_in_place(word: &Word) -> bool {
    let option = word.start();
    let letters = option.starts_with('-') && !option.starts_with("--");
    option.starts_with("--in-place") || letters && option.contains('i')
}

/// Whether an option of curl writes a file with the name that it has on the server.
fn names_remote_file(word: &Word) -> bool {
    let option = word.start();
    option.starts_with("--remote")
        || option.starts_with('-') && !option.starts_with("--") && option.contains(['O', 'J'])
}

/// Whether `name` is one of `names`, which have white space between them.
fn is_one_of(name: &str, names: &str) -> bool {
    names.split_whitespace().any(|one| one == name)
}

/// Whether a program for `awk` has more than expressions.
fn writes_itself(arguments: &[Word]) -> bool {
    let acts = |word: &Word| {
        word.literal()
            .is_none_or(|text| text.contains(['>', '|']) || text.contains("system"))
    };
    arguments.iter().any(acts)
}

/// The parts of an argument that may be paths: `-C/x`, `--output=x`, `source:target`, `a=b,c`.
fn parts(argument: &Word) -> Vec<Word> {
    let mut parts = Vec::new();
    let mut part = Word::default();
    let is_option = argument.start().starts_with('-');
    for (at, piece) in argument.0.iter().enumerate() {
        let Piece::Literal(text) = piece else {
            part.0.push(piece.clone());
            continue;
        };
        // `-xC/x`: letters, then the value of the last one.
        let text = match text.find('/') {
            Some(slash) if at == 0 && is_option && !text[..slash].contains('=') => &text[slash..],
            _ => text,
        };
        for (at, text) in text.split([':', '=', ',']).enumerate() {
            if at > 0 {
                parts.push(std::mem::take(&mut part));
            }
            if !text.is_empty() {
                part.0.push(Piece::Literal(text.to_owned()));
            }
        }
    }
    parts.push(part);
    // An option's own name is not a path, nor are letters.
    let is_path = |(at, part): &(usize, Word)| {
        *at > 0 || !is_option || part.start().starts_with(['/', '.']) || part.literal().is_none()
    };
    let parts = parts.into_iter().enumerate().filter(is_path);
    parts
        .map(|(_, part)| part)
        .filter(|part| !part.0.is_empty())
        .collect()
}

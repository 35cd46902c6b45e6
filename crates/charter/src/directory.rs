//! Reading a charter's directory: only its own files, bounded, nothing outside, every complaint at once.

use crate::diagnostic::{Code, Diagnostic, Findings};
use crate::files::{
    DIRECTORIES, FILE_BYTES_MAX, FILES_MAX, Files, REQUIRED, SITES, TEXT_BYTES_MAX, is_known_path, is_plain_name,
};
use crate::nearest::nearest;
use crate::source::Source;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The most entries looked at in one directory.
const ENTRIES_MAX: usize = 2 * FILES_MAX;

/// A charter may explain itself; the explanation is not part of it.
const README: &str = "README.md";

/// Reads all files of a charter that can be read.
pub(crate) fn read(dir: &Path, findings: &mut Findings) -> Files {
    let mut files = Files::new();
    let root = match dir.canonicalize() {
        Ok(root) if root.is_dir() => root,
        Ok(_) => {
            findings.push(Diagnostic::of_file(Code::File, ".", format!("`{}` is not a directory", dir.display())));
            return files;
        }
        Err(error) => {
            findings.push(
                Diagnostic::of_file(Code::File, ".", format!("cannot open `{}`: {error}", dir.display()))
                    .with_help("name the directory that holds hospital.toml"),
            );
            return files;
        }
    };
    let mut reading = Reading { root, bytes: 0, files: &mut files, findings };
    for name in reading.names(Path::new("")) {
        reading.top(&name);
    }
    files
}

/// A directory being read.
struct Reading<'a> {
    root: PathBuf,
    bytes: usize,
    files: &'a mut Files,
    findings: &'a mut Findings,
}

impl Reading<'_> {
    fn refuse(&mut self, path: &str, message: impl Into<String>, help: Option<String>) {
        self.findings.push(Diagnostic::of_file(Code::File, path, message).with_help_if(help));
    }

    /// The names in a directory, sorted; hidden ones left out.
    fn names(&mut self, relative: &Path) -> Vec<String> {
        let shown = if relative.as_os_str().is_empty() { ".".to_owned() } else { relative.display().to_string() };
        let entries = match fs::read_dir(self.root.join(relative)) {
            Ok(entries) => entries,
            Err(error) => {
                self.refuse(&shown, format!("cannot list the directory: {error}"), None);
                return Vec::new();
            }
        };
        let mut names = Vec::new();
        for entry in entries {
            match entry.map(|entry| entry.file_name().into_string()) {
                Ok(Ok(name)) if name.starts_with('.') => {}
                Ok(Ok(name)) => names.push(name),
                Ok(Err(name)) => {
                    self.refuse(&shown, format!("the file name {name:?} is not UTF-8"), Some("rename it".to_owned()));
                }
                Err(error) => self.refuse(&shown, format!("cannot list the directory: {error}"), None),
            }
            if names.len() > ENTRIES_MAX {
                self.refuse(&shown, format!("more than {ENTRIES_MAX} entries in one directory"), None);
                return Vec::new();
            }
        }
        names.sort();
        names
    }

    /// One entry of the charter's directory.
    fn top(&mut self, name: &str) {
        let directory = DIRECTORIES.iter().find(|(directory, _)| *directory == name);
        if let Some((directory, ending)) = directory {
            if self.inside(name, true).is_none() {
                return;
            }
            for name in self.names(Path::new(directory)) {
                let path = format!("{directory}/{name}");
                if is_known_path(&path) {
                    self.file(&path);
                } else if is_plain_name(&name) {
                    let help = format!("`{directory}/` holds files that end in `{ending}`, and no directories");
                    self.refuse(&path, "this does not belong here", Some(help));
                } else {
                    let help = "use letters, digits, `-`, `_` and `.`, at most 100 of them".to_owned();
                    self.refuse(&path, "a charter cannot have a file of this name", Some(help));
                }
            }
        } else if name == SITES {
            if self.inside(name, true).is_some() {
                self.sites();
            }
        } else if is_known_path(name) {
            self.file(name);
        } else if name != README {
            let known = REQUIRED.into_iter().chain(DIRECTORIES.iter().map(|(directory, _)| *directory));
            let help = match nearest(name, known) {
                Some(known) => format!("did you mean `{known}`?"),
                None => "a charter has only its own files, README.md and hidden files beside them".to_owned(),
            };
            self.refuse(name, "a charter has no file of this name", Some(help));
        }
    }

    /// The directories of sites.
    fn sites(&mut self) {
        for site in self.names(Path::new(SITES)) {
            let directory = format!("{SITES}/{site}");
            if !is_plain_name(&site) {
                let help =
                    "name the directory as in `[sites]` of hospital.toml, with letters, digits, `-`, `_` and `.`";
                self.refuse(&directory, "a charter cannot have a directory of this name", Some(help.to_owned()));
                continue;
            }
            if self.inside(&directory, true).is_none() {
                continue;
            }
            for name in self.names(Path::new(&directory)) {
                let path = format!("{directory}/{name}");
                if is_known_path(&path) {
                    self.file(&path);
                } else {
                    let help = "a site has overlays that end in `.toml` and policies that end in `.cedar`";
                    self.refuse(&path, "this does not belong here", Some(help.to_owned()));
                }
            }
        }
    }

    /// The real path of an entry, if it is of the right sort and inside the charter.
    fn inside(&mut self, relative: &str, directory: bool) -> Option<PathBuf> {
        let real = match self.root.join(relative).canonicalize() {
            Ok(real) => real,
            Err(error) => {
                self.refuse(relative, format!("cannot be found: {error}"), None);
                return None;
            }
        };
        if !real.starts_with(&self.root) {
            let help = "put a copy of the file into the charter: what is outside was not reviewed with it".to_owned();
            self.refuse(relative, "this link leads out of the charter", Some(help));
            return None;
        }
        if directory != real.is_dir() || !directory && !real.is_file() {
            let sort = if directory { "a directory" } else { "a regular file" };
            self.refuse(relative, format!("this must be {sort}"), None);
            return None;
        }
        Some(real)
    }

    /// One file.
    fn file(&mut self, path: &str) {
        let Some(real) = self.inside(path, false) else { return };
        let mut bytes = Vec::new();
        let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
        if let Err(error) = fs::File::open(real).and_then(|file| file.take(limit).read_to_end(&mut bytes)) {
            self.refuse(path, format!("cannot be read: {error}"), None);
            return;
        }
        self.bytes = self.bytes.saturating_add(bytes.len());
        if bytes.len() > FILE_BYTES_MAX {
            self.refuse(path, format!("the file has more than {FILE_BYTES_MAX} bytes"), None);
        } else if self.bytes > TEXT_BYTES_MAX {
            self.refuse(path, format!("with this file the charter has more than {TEXT_BYTES_MAX} bytes"), None);
        } else if self.files.len() == FILES_MAX {
            self.refuse(path, format!("this is more than the {FILES_MAX} files a charter can have"), None);
        } else {
            match String::from_utf8(bytes) {
                Ok(text) => {
                    self.files.insert(path.to_owned(), text.into());
                }
                Err(error) => {
                    let valid = error.utf8_error().valid_up_to();
                    let text = String::from_utf8_lossy(error.as_bytes().get(..valid).unwrap_or_default()).into_owned();
                    let source = Source::new(path, &text);
                    self.findings.push(
                        Diagnostic::at(Code::File, &source, valid..valid, "the file is not UTF-8 from here on")
                            .with_help("save it as UTF-8"),
                    );
                }
            }
        }
    }
}

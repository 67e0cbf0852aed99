//! An operator's folder of texts.

use std::{
    collections::BTreeSet,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::{Texts, Use, check};

/// How many folders deep a text lies: language and channel.
const DEPTH: usize = 2;

/// Why a file of an operator's folder is not used. The built-in text is sent in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Below the operator's folder; empty for the folder itself.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

impl Texts {
    /// The built-in texts, replaced by those of a folder of the same shape; a text that is not in it stays. A file that fails the
    /// checks, or that nothing uses, is a problem.
    #[must_use]
    pub fn load(folder: &Path) -> (Self, Vec<Problem>) {
        let Self(mut texts) = Self::built_in();
        let mut problems = Vec::new();
        let mut others = match files(folder, DEPTH) {
            Ok(files) => files,
            Err(error) => {
                problems.push(Problem { path: folder.display().to_string(), reason: error.to_string() });
                return (Self(texts), problems);
            }
        };
        for (of, text) in &mut texts {
            let path = of.path();
            if !others.remove(Path::new(&path)) {
                continue;
            }
            match read(*of, &folder.join(&path)) {
                Ok(replacement) => *text = replacement,
                Err(reasons) => {
                    problems.extend(reasons.into_iter().map(|reason| Problem { path: path.clone(), reason }));
                }
            }
        }
        let strange =
            "no message has this name: a text is LANGUAGE/mail/PURPOSE.txt or LANGUAGE/sms/PURPOSE.txt";
        problems.extend(
            others
                .iter()
                .map(|path| Problem { path: path.display().to_string(), reason: strange.to_owned() }),
        );
        (Self(texts), problems)
    }
}

/// A text of a file, when it passes the checks. Line ends and the mark at the beginning are those of any system.
fn read(of: Use, file: &Path) -> Result<String, Vec<String>> {
    let bytes = read_bounded(file).map_err(|error| vec![error.to_string()])?;
    let text = String::from_utf8(bytes).map_err(|_| vec!["it is not UTF-8".to_owned()])?;
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").trim().to_owned();
    let problems = check::problems(of, &text);
    if problems.is_empty() { Ok(text) } else { Err(problems) }
}

fn read_bounded(file: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(file)?.len() > check::LONGEST as u64 {
        return Err(io::Error::other(format!("it has more than {} bytes", check::LONGEST)));
    }
    fs::read(file)
}

/// The files below a folder, by their paths below it, without hidden ones. A folder deeper than `depth` counts as a file.
fn files(folder: &Path, depth: usize) -> io::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = PathBuf::from(entry.file_name());
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        if depth > 0 && entry.path().is_dir() {
            found.extend(files(&entry.path(), depth - 1)?.into_iter().map(|path| name.join(path)));
        } else {
            found.insert(name);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Values;

    const VALUES: Values = Values { stack: "rollcall", code: "012345", seconds: 600 };

    /// A folder with these files.
    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_text_of_the_folder_replaces_the_built_in_one_and_no_other() {
        let folder = folder(&[
            ("en/sms/log_in.txt", b"\xef\xbb\xbf{code}: Acme\r\nDo not share it.\r\n"),
            (".DS_Store", b"\0"),
        ]);
        let (texts, problems) = Texts::load(folder.path());
        assert_eq!(problems, []);
        assert_eq!(texts.sms("en", "log_in", VALUES).unwrap(), "012345: Acme\nDo not share it.");
        let built_in = Texts::built_in();
        assert_eq!(texts.sms("de", "log_in", VALUES), built_in.sms("de", "log_in", VALUES));
        assert_eq!(texts.sms("en", "sign_up", VALUES), built_in.sms("en", "sign_up", VALUES));
    }

    #[test]
    fn a_file_that_fails_a_check_leaves_the_built_in_text() {
        let long = vec![b'x'; check::LONGEST + 1];
        let folder = folder(&[
            ("en/sms/log_in.txt", b"Acme"),
            ("en/sms/sign_up.txt", b"{code} \xff"),
            ("en/mail/log_in.txt", &long),
            ("en/sms/verify-phone.txt", b"{code}"),
            ("fr/sms/log_in.txt", b"{code}"),
        ]);
        let (texts, problems) = Texts::load(folder.path());
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let strange =
            "no message has this name: a text is LANGUAGE/mail/PURPOSE.txt or LANGUAGE/sms/PURPOSE.txt";
        assert_eq!(
            problems,
            [
                "en/mail/log_in.txt: it has more than 20000 bytes",
                "en/sms/sign_up.txt: it is not UTF-8",
                "en/sms/log_in.txt: {code} is missing",
                &format!("en/sms/verify-phone.txt: {strange}"),
                &format!("fr/sms/log_in.txt: {strange}"),
            ]
        );
        let built_in = Texts::built_in();
        for purpose in ["log_in", "sign_up"] {
            assert_eq!(texts.sms("en", purpose, VALUES), built_in.sms("en", purpose, VALUES));
        }
    }

    #[test]
    fn a_folder_that_is_absent_is_a_problem() {
        let (texts, problems) = Texts::load(Path::new("/no/such/folder"));
        assert_eq!(problems.len(), 1);
        assert_eq!(texts.sms("en", "log_in", VALUES), Texts::built_in().sms("en", "log_in", VALUES));
    }
}

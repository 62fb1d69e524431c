//! Files in the repository that must be what the types say.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

fn folder(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", name].iter().collect()
}

/// Checks the files of `folder` to be exactly these, byte for byte, and writes
/// them first where that is wished for.
pub fn check(name: &str, files: &[(&str, Vec<u8>)]) {
    let folder = folder(name);
    if env::var_os("WRITE_DOCS").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, bytes) in files {
            fs::write(folder.join(name), bytes).unwrap();
        }
    }
    let again = "to write it again: WRITE_DOCS=1 cargo test -p causerie-shared --test generated";
    let found: BTreeSet<_> = fs::read_dir(&folder)
        .unwrap_or_else(|_| panic!("there is no {name}; {again}"))
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected: BTreeSet<_> = files.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, expected, "{name} holds other files; {again}");
    for (file, bytes) in files {
        let current = fs::read(folder.join(file)).unwrap();
        let [current, bytes] = [&current, bytes].map(|bytes| String::from_utf8_lossy(bytes));
        assert_eq!(current, bytes, "{name}/{file} is not current; {again}");
    }
}

/// A frame as a file: a line of its own.
pub fn line(frame: &[u8]) -> Vec<u8> {
    [frame, b"\n"].concat()
}

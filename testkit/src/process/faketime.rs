//! The library that shows a program another time.

use std::path::PathBuf;

/// Where it is: `CAUSERIE_LIBFAKETIME`, or what `./chaos` has fetched.
///
/// # Panics
/// When it is nowhere.
pub(super) fn library() -> PathBuf {
    if let Some(named) = std::env::var_os("CAUSERIE_LIBFAKETIME") {
        let named = PathBuf::from(named);
        assert!(
            named.is_file(),
            "CAUSERIE_LIBFAKETIME: there is no file {}",
            named.display()
        );
        return named;
    }
    // One folder below, named by the machine's architecture.
    let fetched = crate::target_dir().join("tools/faketime/usr/lib");
    let folders = std::fs::read_dir(fetched).into_iter().flatten().flatten();
    folders
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.is_file())
        .unwrap_or_else(|| {
            panic!("no libfaketime here: run ./chaos once, which fetches one into target/tools")
        })
}

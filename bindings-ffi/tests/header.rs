//! `include/oxmcp.h` says what the library has, and nothing else.
//!
//! After a change in `src/c`, write it anew with `OXMCP_WRITE_HEADER=1 cargo test -p oxmcp-ffi --test header`.

use std::path::Path;
use std::{env, fs};

/// The sources in the order the header has them: what is used before what uses it.
const SOURCES: [&str; 14] = [
    "result",
    "version",
    "text",
    "json",
    "error",
    "cancel_token",
    "wake",
    "event",
    "queue",
    "client",
    "operation",
    "tool",
    "call",
    "server",
];

#[test]
fn the_header_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let generated = generate(root);
    let header = root.join("include/oxmcp.h");
    if env::var_os("OXMCP_WRITE_HEADER").is_some() {
        fs::write(&header, &generated).expect("the header can be written");
    }
    let checked_in = fs::read_to_string(&header).expect("the header is there");
    assert!(
        checked_in == generated,
        "include/oxmcp.h is not what src/c says: run `OXMCP_WRITE_HEADER=1 cargo test -p oxmcp-ffi --test header`"
    );
}

#[test]
fn the_header_has_every_exported_function() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let generated = generate(root);
    let mut functions = 0;
    for entry in fs::read_dir(root.join("src/c")).expect("the sources are there") {
        let path = entry.expect("the folder can be read").path();
        let source = fs::read_to_string(&path).expect("a source can be read");
        for line in source.lines() {
            let Some((_, rest)) = line.split_once("extern \"C\" fn oxmcp_") else {
                continue;
            };
            let name = rest.split('(').next().expect("split gives one part at least");
            assert!(
                generated.contains(&format!("oxmcp_{name}(")),
                "oxmcp_{name} of {} is missing",
                path.display()
            );
            functions += 1;
        }
    }
    assert!(functions > 40, "only {functions} functions found");
}

fn generate(root: &Path) -> String {
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml can be read");
    let mut builder = cbindgen::Builder::new().with_config(config);
    for name in SOURCES {
        builder = builder.with_src(root.join("src/c").join(format!("{name}.rs")));
    }
    let mut header = Vec::new();
    builder.generate().expect("cbindgen understands the sources").write(&mut header);
    String::from_utf8(header).expect("a header is UTF-8")
}

//! Programs that come from the operating system.

use std::sync::Mutex;

use anyhow::{Result, bail};

use crate::process::{self, Step};

/// A C compiler and make. AddressSanitizer comes with gcc.
pub(crate) fn c_compiler() -> Result<()> {
    need("C", &[("cc", "gcc"), ("make", "make")])
}

/// Maven and a JDK; Maven brings the Kotlin compiler.
pub(crate) fn kotlin() -> Result<()> {
    need("Kotlin", &[("javac", "default-jdk-headless"), ("mvn", "maven")])
}

/// Makes sure that programs are there, each given with the Debian package that holds it. Installs the missing ones
/// where we may (as root, with apt-get), and says what to install where we may not.
pub(crate) fn need(what_for: &str, programs: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<_> = programs.iter().filter(|(program, _)| !process::on_path(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().map(|(program, _)| *program).collect::<Vec<_>>().join(", ");
    let packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    // SAFETY: reads the id of the user; it cannot fail.
    let root = unsafe { libc::geteuid() } == 0;
    if !root || !process::on_path("apt-get") {
        bail!(
            "{what_for} needs {names}, which is not installed. Install it (on Debian: apt-get install {}), or leave \
             {what_for} out with --skip",
            packages.join(" ")
        );
    }
    apt_install(&packages)
}

/// Installs Debian packages; one call at a time.
fn apt_install(packages: &[&str]) -> Result<()> {
    static APT: Mutex<()> = Mutex::new(());
    let _one = APT.lock();
    println!("installing {}", packages.join(" "));
    let apt = || Step::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").minutes(15);
    apt().arg("update").log("apt-update").check()?;
    apt().args(["install", "-y", "--no-install-recommends"]).args(packages).log("apt-install").check()?;
    Ok(())
}

use std::io;
use std::process::Stdio;

use tokio::process::{Child, Command};

/// Ends the process group of a server when this process ends, in whatever way: also when it is killed and can do nothing any more.
///
/// It is a shell in that group, whose input this process holds open and never writes to. At its end, which only the system can bring about
/// then, it kills the group. As one of the group's processes it keeps the group's number from being given to another, and it goes with the
/// group when this process kills that itself. What leaves the group, as daemons do, is out of its reach; so is all of it where there is no
/// `/bin/sh`, and then a server that does not end at the end of its input outlives a host that was killed.
#[derive(Debug)]
pub(super) struct Guardian(Child);

/// Signals to the whole group are for the server; the guardian stays until the last one. It holds no folder, and no output.
const SCRIPT: &str = "trap '' HUP INT QUIT TERM; cd /; read -r _; kill -KILL 0";

impl Guardian {
    /// Guards the group that a child of this process leads. Call it inside a tokio runtime.
    pub(super) fn of_group(leader: libc::pid_t) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]).env_clear().process_group(leader);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Self)
    }

    /// Waits until it is gone, which it is when the group was killed.
    pub(super) async fn gone(&mut self) {
        // `wait` would close its input first; it is killed already, and an error says that somebody else has waited for it.
        let _ = self.0.wait().await;
    }
}

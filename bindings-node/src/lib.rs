//! Node.js binding of the oxmcp core.
//!
//! The addon exports one class, [`NativeCore`](core::NativeCore), of which the TypeScript layer in `lib/` makes one
//! per Node environment (main thread or worker). Traffic is text both ways, so that a crossing costs one string:
//!
//! * core to JavaScript: a [`Wakeup`](wakeup::Wakeup) signals, JavaScript calls `drain()` and gets every waiting event
//!   as one JSON text (see [`batch`]);
//! * JavaScript to core: what a tick produced (calls, cancellations, tool results) is one text of records (see
//!   [`record`]).

mod batch;
mod core;
mod error;
mod record;
mod wakeup;

//! The Streamable HTTP server, seen from the wire: raw requests against a server that listens.

mod fixture;
mod handshake;
mod lifecycle;
mod refused;
mod round_trip;
mod stateless;
mod wire;

//! Writes the Kotlin and Swift sources of this library's UniFFI surface.

fn main() {
    uniffi::uniffi_bindgen_main();
}

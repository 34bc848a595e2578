//! Something that cannot carry requests at all.

use lakefs_sdk::Client;

struct NotAService;

fn main() {
    let _ = Client::new(NotAService);
}

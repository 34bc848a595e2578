//! What stood around the recorded servers: the answers of the hooks' programs, and files outside of them.

use std::time::{Duration, SystemTime};

use http::{Response, Version};
use lakefs_sdk::testing::{HookCall, HookKind, HookOutcome, MemoryLakeFsBuilder};

use super::{EXTERNAL, clock::Clock};

/// Where the recorded webhook listened. Checksums of action files that name it depend on it.
pub(crate) const WEBHOOK: &str = "127.0.0.1:41287";

/// Puts a server into its recorded surroundings.
pub(crate) fn surround(server: MemoryLakeFsBuilder, clock: &Clock) -> MemoryLakeFsBuilder {
    let files = ["imp/d/1", "imp/d/2", "imp/d/sub/3", "imp/one"];
    let staged = server
        .external_directory(EXTERNAL)
        .external_object(format!("local://{EXTERNAL}/st/obj"), "hello");
    let server = files.into_iter().fold(staged, |server, file| {
        let content = file.strip_prefix("imp/").unwrap_or(file);
        server.external_object(format!("local://{EXTERNAL}/{file}"), content)
    });
    let clock = clock.clone();
    server
        .actions_cache(Duration::from_secs(5))
        .hooks(move |call| match call.kind {
            HookKind::Lua => script(call),
            _ => webhook(call, &clock),
        })
}

/// The recorded scripts do one thing each: print, or raise an error.
fn script(call: &HookCall) -> HookOutcome {
    let script = call
        .properties
        .get("script")
        .and_then(|script| script.as_str());
    let script = script.unwrap_or_default().trim();
    let inside = |function: &str| script.strip_prefix(function)?.strip_suffix(')');
    if let Some(message) = inside("error(") {
        let message = message.trim_matches(['\'', '"']);
        return HookOutcome::fail(format!(
            "runtime error: [string \"lua\"]:1: {message}\nstack traceback:\n\t[Go]: in ?\n\t[string \"lua\"]:1: in main chunk"
        ));
    }
    let printed = inside("print(").unwrap_or_default().split(", ");
    let printed: Vec<&str> = printed.map(|value| printed_value(call, value)).collect();
    HookOutcome::pass().with_output(printed.join("\t") + "\n")
}

fn printed_value<'a>(call: &'a HookCall, expression: &'a str) -> &'a str {
    match expression {
        "action.branch_id" => &call.branch,
        "action.commit.message" => &call.commit_message,
        "action.commit_id" => &call.commit_id,
        "action.event_type" => call.event.as_str(),
        literal => literal.trim_matches(['\'', '"']),
    }
}

/// What the recorded webhook made of the commits it was asked about.
fn webhook(call: &HookCall, clock: &Clock) -> HookOutcome {
    let status = match call.commit_message.as_str() {
        "refused" => 500,
        "refused again" => {
            clock.pass_a_second();
            403
        }
        "nobody listens" => {
            return HookOutcome::fail(format!(
                "Post \"http://{WEBHOOK}/hook?x=1\": dial tcp {WEBHOOK}: connect: connection refused"
            ));
        }
        _ => 200,
    };
    let date = httpdate::fmt_http_date(SystemTime::now());
    let response = Response::builder()
        .version(Version::HTTP_10)
        .status(status)
        .header("connection", "close")
        .header("date", date)
        .header("server", "BaseHTTP/0.6 Python/3.11.7")
        .body(format!("webhook says {status}"));
    match response {
        Ok(response) => HookOutcome::answer(response),
        Err(error) => HookOutcome::fail(error.to_string()),
    }
}

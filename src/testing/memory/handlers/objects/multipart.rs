//! The one part of a form that an upload is made of.

use bytes::Bytes;

/// A part of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Empty when the part has none.
    pub(super) content_type: String,
    pub(super) bytes: Bytes,
}

/// The first part with this name. The errors are those of Go's reader.
pub(super) fn find(body: &Bytes, boundary: &str, name: &str) -> Result<Part, &'static str> {
    let delimiter = [b"--", boundary.as_bytes()].concat();
    let inner = [b"\r\n", delimiter.as_slice()].concat();
    // The text before the first delimiter line is a preamble.
    let mut at = match position(body, &delimiter, 0) {
        Some(at) => at + delimiter.len(),
        None => return Err("multipart: NextPart: EOF"),
    };
    loop {
        let rest = body.get(at..).unwrap_or_default();
        if rest.starts_with(b"--") {
            return Err("multipart upload missing key 'content': http: no such file");
        }
        let Some(line) = position(body, b"\r\n", at) else {
            return Err("multipart: NextPart: EOF");
        };
        // The blank line may follow the delimiter at once: a part without headers.
        let Some(head_end) = position(body, b"\r\n\r\n", line) else {
            return Err("multipart: NextPart: EOF");
        };
        let head = String::from_utf8_lossy(&body[line..head_end]);
        let start = head_end + 4;
        let Some(end) = position(body, &inner, start.saturating_sub(2)) else {
            return Err("unexpected EOF");
        };
        if header(&head, "content-disposition").is_some_and(|value| has_name(value, name)) {
            let content_type = header(&head, "content-type").unwrap_or_default().to_owned();
            return Ok(Part {
                content_type,
                bytes: body.slice(start.min(end)..end),
            });
        }
        at = end + inner.len();
    }
}

fn position(body: &[u8], part: &[u8], from: usize) -> Option<usize> {
    body.get(from..)?
        .windows(part.len())
        .position(|window| window == part)
        .map(|at| at + from)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.split("\r\n").filter_map(|line| line.split_once(':'));
    fields
        .into_iter()
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

fn has_name(disposition: &str, name: &str) -> bool {
    let mut parameters = disposition.split(';').map(str::trim);
    let is_form = parameters
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("form-data"));
    is_form
        && parameters
            .filter_map(|parameter| parameter.split_once('='))
            .any(|(key, value)| {
                key.trim().eq_ignore_ascii_case("name") && value.trim().trim_matches('"') == name
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "preamble\r\n--B\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--B\r\n\
        Content-Disposition: form-data; name=\"content\"; filename=\"f\"\r\nContent-Type: text/csv\r\n\r\na,b\r\n--B--\r\n";

    #[test]
    fn the_named_part_is_found_behind_others() {
        let body = Bytes::from(FORM);
        let part = Part {
            content_type: "text/csv".into(),
            bytes: "a,b".into(),
        };
        assert_eq!(find(&body, "B", "content"), Ok(part));
    }

    #[test]
    fn broken_forms_fail_as_in_go() {
        let fail = |body: &'static str| find(&Bytes::from(body), "B", "content").map(drop);
        assert_eq!(fail(""), Err("multipart: NextPart: EOF"));
        assert_eq!(
            fail("--B--\r\n"),
            Err("multipart upload missing key 'content': http: no such file")
        );
        assert_eq!(
            fail("--B\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\na"),
            Err("unexpected EOF")
        );
    }
}

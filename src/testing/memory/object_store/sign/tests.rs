use super::*;

/// The example of Amazon's documentation of signatures in the query.
#[test]
fn the_documented_signature_comes_out() {
    let query = [
        ("X-Amz-Algorithm", ALGORITHM),
        (
            "X-Amz-Credential",
            "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request",
        ),
        ("X-Amz-Date", "20130524T000000Z"),
        ("X-Amz-Expires", "86400"),
        ("X-Amz-SignedHeaders", "host"),
    ];
    let signed = Signed {
        method: &Method::GET,
        path: "/test.txt",
        query: query
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        headers: vec![("host", "examplebucket.s3.amazonaws.com".to_owned())],
        date: "20130524T000000Z",
    };
    let signer = Signer {
        secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
    };
    assert_eq!(
        signer.sign(&signed),
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

fn verdict(change: impl FnOnce(&mut http::request::Builder, &mut String)) -> String {
    let signer = Signer::new(b"secret");
    let mut url = signer
        .presign(
            "http://store",
            &Method::PUT,
            "/b/a,b c",
            &[("x-id", "PutObject")],
            Timestamp::UNIX_EPOCH,
        )
        .url;
    let mut request = http::Request::put("/");
    change(&mut request, &mut url);
    let (parts, ()) = request.uri(url).body(()).unwrap().into_parts();
    signer
        .verify(
            &parts,
            Timestamp::UNIX_EPOCH + SignedDuration::from_secs(899),
        )
        .map_or_else(
            |error| format!("{} {}", error.code, error.message),
            |()| String::new(),
        )
}

#[test]
fn a_signature_covers_method_host_path_and_query() {
    assert_eq!(verdict(|_, _| {}), "");
    // The same, escaped otherwise.
    assert_eq!(verdict(|_, url| *url = url.replace("%2C", ",")), "");
    let wrong: [fn(&mut http::request::Builder, &mut String); 5] = [
        |request, _| *request = http::Request::get("/"),
        |_, url| *url = url.replace("//store", "//other"),
        |_, url| *url = url.replace("/b/", "/c/"),
        |_, url| *url = url.replace("PutObject", "GetObject"),
        |_, url| url.push('0'),
    ];
    for (index, change) in wrong.into_iter().enumerate() {
        assert!(
            verdict(change).starts_with("SignatureDoesNotMatch"),
            "{index}"
        );
    }
}

#[test]
fn what_else_is_refused() {
    type Change = fn(&mut http::request::Builder, &mut String);
    let cases: [(&str, Change); 5] = [
        ("AccessDenied Access Denied", |_, url| {
            url.truncate(url.find('?').unwrap())
        }),
        ("AccessDenied Request has expired", |_, url| {
            *url = url.replace("Expires=900", "Expires=899")
        }),
        ("AccessDenied There were headers", |request, _| {
            *request = http::Request::put("/").header("x-amz-meta-k", "v");
        }),
        ("InvalidArgument Only one auth mechanism", |request, _| {
            *request = http::Request::put("/").header(AUTHORIZATION, "Basic eA==");
        }),
        ("AuthorizationQueryParametersError", |_, url| {
            *url = url.replace("X-Amz-Date", "X-Amz-Data")
        }),
    ];
    for (expected, change) in cases {
        let verdict = verdict(change);
        assert!(verdict.starts_with(expected), "{verdict}");
    }
}

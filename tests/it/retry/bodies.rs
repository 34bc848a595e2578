//! A body that cannot be made again is never sent twice, and never sent empty.

use super::*;

fn chunks() -> Body {
    Body::from_stream(stream::iter(["one,", "two"].map(Ok::<_, io::Error>)))
}

/// Half an object, or an empty one, in place of what was meant is worse than an error.
#[tokio::test(start_paused = true)]
async fn a_stream_is_never_sent_twice_and_never_empty() {
    for event in [Event::Status(429), Event::Status(503), Event::Reset] {
        let (transport, client) = event.always();

        let error = client
            .upload_object("lake", "main", "a")
            .body(chunks())
            .await
            .unwrap_err();

        check(event, &transport, &error, 1, event != Event::Status(429));
        assert_eq!(
            transport.sent()[0].body.as_deref(),
            Some(b"one,two".as_slice())
        );
    }
}

/// A stream of which a part was read is not whole any more, even if the transport says that there was no connection.
#[tokio::test(start_paused = true)]
async fn a_stream_that_was_begun_is_not_sent_again() {
    let transport = Scripted::new()
        .step(|request: Request<Body>| async {
            let mut body = request.into_body();
            let _ = body.chunk().await;
            Err(io::Error::from(io::ErrorKind::ConnectionRefused).into())
        })
        .json(&stats());

    let error = Client::new(transport.clone())
        .upload_object("lake", "main", "a")
        .body(chunks())
        .await
        .unwrap_err();

    assert!(error.is_connect(), "{error:?}");
    assert_eq!(transport.sent().len(), 1);
}

/// While nothing was read of a stream, nothing of it is lost: an upload survives a server that restarts.
#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_read_is_sent_after_no_connection() {
    let sized =
        || Body::from_sized_stream(7, stream::iter(["one,", "two"].map(Ok::<_, io::Error>)));
    for (body, size) in [(chunks(), None), (sized(), Some(7))] {
        let sizes = Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = Arc::clone(&sizes);
        let transport =
            Scripted::new()
                .refused()
                .refused()
                .step(move |request: Request<Body>| async move {
                    seen.lock().unwrap().push(request.body().size());
                    let _ = request.into_body().bytes().await;
                    Ok(Response::builder()
                        .status(201)
                        .body(Body::from(stats().to_string()))?)
                });

        Client::new(transport.clone())
            .upload_object("lake", "main", "a")
            .body(body)
            .await
            .unwrap();

        let bodies: Vec<_> = transport.sent().into_iter().map(|sent| sent.body).collect();
        assert_eq!(bodies, [None, None, Some(Bytes::from_static(b"one,two"))]);
        assert_eq!(*sizes.lock().unwrap(), [size]);
    }
}

/// An upload of bytes, or of a file that can be opened again, survives what a stream does not.
#[tokio::test(start_paused = true)]
async fn a_body_that_can_be_made_again_is_sent_whole_in_every_attempt() {
    let made = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&made);
    let replayable = Body::replayable(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Full::new(Bytes::from_static(b"one,two")).map_err(io::Error::other)
    });
    for body in [Body::from("one,two"), replayable] {
        let transport = Scripted::new().status(503, "").reset().json(&stats());

        Client::new(transport.clone())
            .upload_object("lake", "main", "a")
            .body(body)
            .await
            .unwrap();

        let sent = transport.sent();
        assert_eq!(sent.len(), 3);
        assert!(
            sent.iter()
                .all(|sent| sent.body.as_deref() == Some(b"one,two")),
            "{sent:?}"
        );
    }
    assert_eq!(made.load(Ordering::Relaxed), 3);
}

/// A file that cannot be read is not the server's fault: no other attempt would read it.
#[tokio::test(start_paused = true)]
async fn a_body_of_the_callers_that_fails_says_so() {
    let body = Body::from_stream(stream::iter([
        Ok("one,"),
        Err(io::Error::other("disk on fire")),
    ]));
    let transport = Scripted::new().step(|request: Request<Body>| async {
        request.into_body().bytes().await?;
        Ok(Response::new(Body::empty()))
    });

    let error = Client::new(transport.clone())
        .upload_object("lake", "main", "a")
        .body(body)
        .await
        .unwrap_err();

    assert!(error.is_body(), "{error:?}");
    assert!(format!("{error:#}").contains("disk on fire"), "{error:#}");
    assert_eq!(error.attempts(), 1);
    assert_eq!(transport.sent().len(), 1);
}

// ===== waiting =====

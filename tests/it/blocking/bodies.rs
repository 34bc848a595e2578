//! Bodies as readers, and readers as bodies.

use super::*;

// ===== downloads =====

/// What comes over a network in pieces reads as if it were a file.
#[test]
fn a_reader_gives_what_was_sent_in_whatever_pieces() {
    let (_runtime, server) = serve(async |mut connection: Connection| {
        connection.request().await?;
        connection
            .write("HTTP/1.1 200 OK\r\netag: \"e\"\r\ntransfer-encoding: chunked\r\n\r\n")
            .await?;
        for line in ["first\n", "second\n", "third"] {
            let piece = format!("{:x}\r\n{line}\r\n", line.len());
            connection.write(piece).await?;
        }
        connection.write("0\r\n\r\n").await
    });

    let lines = within_a_minute(move || {
        let client = Client::builder().endpoint(server.url()).build().unwrap();
        let object = client.get_object("lake", "main", "a").send_blocking();
        let reader = object.unwrap().into_reader().unwrap();
        reader.lines().collect::<io::Result<Vec<_>>>().unwrap()
    });

    assert_eq!(lines, ["first", "second", "third"]);
}

/// A download that broke off and looks whole is data lost, and a parser takes `UnexpectedEof` for the end.
#[test]
fn a_reader_of_a_cut_body_fails_and_goes_on_failing() {
    let (_runtime, server) = serve(async |mut connection: Connection| {
        connection.request().await?;
        connection
            .write("HTTP/1.1 200 OK\r\netag: \"e\"\r\ncontent-length: 10\r\n\r\n01234")
            .await
    });

    within_a_minute(move || {
        let client = Client::builder().endpoint(server.url()).build().unwrap();
        let object = client.get_object("lake", "main", "a").send_blocking();
        let mut reader = object.unwrap().into_reader().unwrap();
        let mut read = Vec::new();

        let error = reader.read_to_end(&mut read).unwrap_err();

        assert_eq!(read, b"01234");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        let cause = error.get_ref().unwrap().downcast_ref::<Error>().unwrap();
        assert!(cause.is_body(), "{cause:?}");
        assert!(
            cause.message().contains("after 5 of 10 bytes")
                || cause.message().contains("after 5 bytes"),
            "{cause}"
        );
        assert!(reader.read(&mut [0; 8]).is_err(), "it never ends well");
    });
}

/// A reader of what is in memory, or empty, ends as any reader does.
#[test]
fn a_reader_of_bytes_in_memory_ends() {
    for (body, expected) in [(Body::empty(), ""), (Body::from("abc"), "abc")] {
        let mut reader = body.into_reader();
        let mut read = String::new();
        reader.read_to_string(&mut read).unwrap();
        assert_eq!(read, expected);
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);
    }
}

fn serve<F, Fut>(converse: F) -> (tokio::runtime::Runtime, TcpServer)
where
    F: Fn(Connection) -> Fut + Send + 'static,
    Fut: Future<Output = io::Result<()>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(TcpServer::serve(converse)).unwrap();
    (runtime, server)
}

// ===== uploads =====

/// Yields `left` bytes, and keeps how much was read and by whom.
struct Source {
    left: usize,
    read: Arc<Mutex<(usize, Option<thread::ThreadId>)>>,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.left);
        buffer[..count].fill(7);
        self.left -= count;
        let mut read = self.read.lock().unwrap();
        *read = (read.0 + count, Some(thread::current().id()));
        Ok(count)
    }
}

/// A file larger than the memory must be uploaded in pieces, and reading it must not stop the runtime.
#[tokio::test]
async fn a_reader_is_read_as_it_is_sent_and_on_another_thread() {
    let read = Arc::default();
    let source = Source {
        left: 8 << 20,
        read: Arc::clone(&read),
    };
    let mut body = Body::from_reader(source);
    assert_eq!(body.size(), None);

    let first = body.chunk().await.unwrap().unwrap();

    let (count, reader) = *read.lock().unwrap();
    assert_eq!(count, first.len());
    assert!(count <= 128 * 1024, "{count}");
    assert_ne!(reader, Some(thread::current().id()));
    let mut total = first.len();
    while let Some(chunk) = body.chunk().await.unwrap() {
        assert!(chunk.iter().all(|&byte| byte == 7));
        total += chunk.len();
    }
    assert_eq!(total, 8 << 20);
}

/// An object store wants to know the length, and what is not that long must not be stored.
#[test]
fn a_sized_reader_is_held_to_its_size() {
    let uploads = within_a_minute(|| {
        let client = lake(0);
        [5_u64, 4, 6].map(|size| {
            let body = Body::from_sized_reader(size, io::Cursor::new("01234"));
            assert_eq!(body.size(), Some(size));
            client
                .upload_object("lake", "main", "a")
                .body(body)
                .send_blocking()
        })
    });

    let [exact, longer, shorter] = uploads;
    assert_eq!(exact.unwrap().size_bytes, Some(5));
    assert!(longer.is_err());
    assert!(shorter.is_err());
}

/// A whole upload over the network, from a reader, with nothing in memory.
#[test]
fn an_upload_from_a_reader_arrives_whole() {
    let (_runtime, server) = serve(async |mut connection: Connection| {
        connection.request().await?;
        connection.answer(201, r#"{"path":"a","path_type":"object","physical_address":"mem://a","checksum":"c","mtime":0}"#).await
    });
    let source = Source {
        left: 3 << 20,
        read: Arc::default(),
    };

    let requests = within_a_minute(move || {
        let client = Client::builder().endpoint(server.url()).build().unwrap();
        let call = client.upload_object("lake", "main", "a");
        call.body(Body::from_reader(source))
            .send_blocking()
            .unwrap();
        server.requests()
    });

    assert_eq!(requests[0].header("transfer-encoding"), Some("chunked"));
    assert_eq!(requests[0].body.len(), 3 << 20);
}

/// A disk that fails, or a reader with a bug, fails the upload: half an object must not be stored as a whole one.
#[test]
fn a_reader_that_fails_fails_the_upload() {
    struct Broken(&'static str);
    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match std::mem::replace(&mut self.0, "fail") {
                "first" => {
                    self.0 = "interrupted";
                    buffer[0] = 7;
                    Ok(1)
                }
                "interrupted" => Err(io::ErrorKind::Interrupted.into()),
                "panic" => panic!("planted"),
                _ => Err(io::Error::other("the disk is gone")),
            }
        }
    }

    let errors = within_a_minute(|| {
        let (_runtime, server) =
            serve(async |mut connection: Connection| connection.request().await.map(drop));
        let client = Client::builder().endpoint(server.url()).build().unwrap();
        ["first", "panic"].map(|reader| {
            let call = client.upload_object("lake", "main", "a");
            call.body(Body::from_reader(Broken(reader)))
                .send_blocking()
                .unwrap_err()
        })
    });

    for (error, cause) in errors
        .iter()
        .zip(["the disk is gone", "the reader panicked"])
    {
        assert!(error.is_body(), "{error:?}");
        assert!(format!("{error:#}").contains(cause), "{error:#}");
    }
}

/// A body from a reader can be sent by code with async too, and must not panic where there is no runtime.
#[test]
fn a_reader_outside_of_a_runtime_is_a_clear_error() {
    use futures_util::FutureExt as _;

    let body = Body::from_reader(io::Cursor::new("01234"));

    let error = body.bytes().now_or_never().unwrap().unwrap_err();

    assert!(
        format!("{error:#}").contains("inside of a runtime"),
        "{error:#}"
    );
}

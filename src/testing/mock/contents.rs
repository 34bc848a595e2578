//! What an object's contents are replied with.

use crate::{
    Body,
    models::{Answer, ObjectContent, ObjectHead},
};

impl ObjectContent {
    /// An object's contents, as a mock replies with them. What the headers are to say stands in [`head`](Self::head); a
    /// `Content-Length` is sent where the size is known.
    #[must_use]
    pub fn new(contents: impl Into<Body>) -> Self {
        Self {
            answer: Answer::Full,
            head: ObjectHead::default(),
            body: contents.into(),
        }
    }

    /// A range of an object, such as `bytes 2-4/10`, as a mock replies with it.
    #[must_use]
    pub fn partial(content_range: impl Into<String>, contents: impl Into<Body>) -> Self {
        let mut content = Self::new(contents);
        content.answer = Answer::Partial;
        content.head.content_range = Some(content_range.into());
        content
    }

    /// That the object is not modified, as a mock replies it.
    #[must_use]
    pub fn not_modified() -> Self {
        Self {
            answer: Answer::NotModified,
            ..Self::new(Body::empty())
        }
    }

    /// Where the object is, as a mock replies it to a presigned read.
    #[must_use]
    pub fn redirect(url: impl Into<String>) -> Self {
        Self {
            answer: Answer::Redirect(url.into()),
            ..Self::new(Body::empty())
        }
    }
}

//! A content on its way into a bucket, with what S3 is told of it.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};

use aws_sdk_s3::primitives::ByteStream;
use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use crate::world::archive::{ArchiveError, Content};

/// A content whose length and hash are known. S3 refuses it when it is another by the time that it is sent.
pub struct Parcel<'c> {
    content: Content<'c>,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256, in base64.
    pub sha256: String,
}

impl<'c> Parcel<'c> {
    /// Measures a content.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn of(content: Content<'c>) -> Result<Self, ArchiveError> {
        let (size, hash) = match content {
            Content::Bytes(bytes) => (bytes.len() as u64, Sha256::digest(bytes)),
            Content::File(path) => {
                File::open(path).and_then(measured).map_err(|error| ArchiveError::of_file("read", path, &error))?
            }
        };
        Ok(Parcel { content, size, sha256: Base64::encode_string(&hash) })
    }

    /// The bytes to send; those of a file are read as they go.
    pub async fn body(&self) -> Result<ByteStream, Box<dyn Error + Send + Sync>> {
        match self.content {
            Content::Bytes(bytes) => Ok(ByteStream::from(bytes.to_vec())),
            Content::File(path) => Ok(ByteStream::from_path(path).await?),
        }
    }
}

fn measured(mut file: File) -> io::Result<(u64, sha2::digest::Output<Sha256>)> {
    let (mut size, mut hash, mut piece) = (0, Sha256::new(), vec![0; 64 * 1024]);
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok((size, hash.finalize()));
        }
        size += read as u64;
        hash.update(&piece[..read]);
    }
}

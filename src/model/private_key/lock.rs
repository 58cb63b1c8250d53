//! The encryption of a private key by a passphrase: bcrypt's key derivation, AES with 256 bits.

use aes::Aes256;
use bcrypt_pbkdf::bcrypt_pbkdf_with_memory;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use ctr::cipher::StreamCipher;
use zeroize::Zeroizing;

use super::KeyFileError;
use crate::model::secret::Secret;
use crate::model::ssh_wire::Reader;

/// The length of the key and of the initial block.
const KEY: usize = 32;
const BLOCK: usize = 16;

/// What a passphrase opens.
pub(super) struct Lock {
    mode: Mode,
    salt: Vec<u8>,
    rounds: u32,
}

/// Those that OpenSSH writes without being told to: the second is the older.
enum Mode {
    Counter,
    Chained,
}

impl Lock {
    /// Reads what a file says of its encryption.
    pub(super) fn read(cipher: &str, options: &[u8]) -> Result<Self, KeyFileError> {
        let mode = match cipher {
            "aes256-ctr" => Mode::Counter,
            "aes256-cbc" => Mode::Chained,
            _ => return Err(KeyFileError::Encryption),
        };
        let mut rest = Reader::new(options);
        let lock = Lock { mode, salt: rest.string()?.to_vec(), rounds: rest.number()? };
        rest.end()?;
        Ok(lock)
    }

    /// Decrypts in place; with a wrong passphrase to nonsense.
    pub(super) fn open(&self, passphrase: &Secret, private: &mut [u8]) -> Result<(), KeyFileError> {
        let passphrase = passphrase.expose();
        if passphrase.is_empty() {
            return Err(KeyFileError::WrongPassphrase);
        }
        let (blocks, rest) = private.as_chunks_mut::<BLOCK>();
        if !rest.is_empty() {
            return Err(KeyFileError::Damaged);
        }
        let (mut derived, mut memory) = (Zeroizing::new([0; KEY + BLOCK]), Zeroizing::new([0; 2 * KEY]));
        bcrypt_pbkdf_with_memory(passphrase, &self.salt, self.rounds, &mut derived[..], &mut memory[..])
            .map_err(|_| KeyFileError::Damaged)?;
        let (key, start) = derived.split_at(KEY);
        let damaged = |_| KeyFileError::Damaged;
        match self.mode {
            Mode::Counter => {
                ctr::Ctr128BE::<Aes256>::new_from_slices(key, start).map_err(damaged)?.apply_keystream(private);
            }
            Mode::Chained => {
                let mut chain = cbc::Decryptor::<Aes256>::new_from_slices(key, start).map_err(damaged)?;
                blocks.iter_mut().for_each(|block| chain.decrypt_block(block.into()));
            }
        }
        Ok(())
    }
}

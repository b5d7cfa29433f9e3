//! Keys that sign transactions.

use std::path::Path;

use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    rlp::{BufMut, Encodable, Header, encode_list},
};
use k256::ecdsa::SigningKey;

use super::ChainError;

/// Private keys of the accounts that test chains fund (from the mnemonic "test test … junk").
const DEV_KEYS: [&str; 5] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
];

/// An account of which we have the key.
#[derive(Clone)]
pub struct Account {
    key: SigningKey,
    address: Address,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({})", self.address)
    }
}

/// A transaction with the fee market of EIP-1559, as it is signed.
pub(super) struct Unsigned<'a> {
    pub(super) chain_id: u64,
    pub(super) nonce: u64,
    pub(super) tip_wei: u128,
    pub(super) fee_wei: u128,
    pub(super) gas: u64,
    pub(super) to: Option<Address>,
    pub(super) value: U256,
    pub(super) data: &'a Bytes,
}

impl Account {
    /// Opens an Ethereum JSON keystore.
    ///
    /// # Errors
    /// No such file, no keystore, or the wrong password.
    pub fn from_keystore(path: &Path, password: &str) -> Result<Account, ChainError> {
        let error = |reason: String| ChainError::Key { from: path.display().to_string(), reason };
        let key = eth_keystore::decrypt_key(path, password).map_err(|cause| {
            error(match cause {
                eth_keystore::KeystoreError::MacMismatch => "the password is wrong".to_owned(),
                cause => cause.to_string(),
            })
        })?;
        Account::from_bytes(&key).ok_or_else(|| error("it holds no key of the curve".into()))
    }

    /// From a hexadecimal private key, with or without `0x`.
    ///
    /// # Errors
    /// Not 64 hexadecimal digits, or not a key of the curve.
    pub fn from_hex(key: &str) -> Result<Account, ChainError> {
        let error = |reason: &str| ChainError::Key { from: "given as digits".into(), reason: reason.into() };
        let key: B256 = key.trim().parse().map_err(|_| error("a key has 64 hexadecimal digits"))?;
        Account::from_bytes(key.as_slice()).ok_or_else(|| error("it is no key of the curve"))
    }

    fn from_bytes(bytes: &[u8]) -> Option<Account> {
        let key = SigningKey::from_slice(bytes).ok()?;
        let point = key.verifying_key().to_encoded_point(false);
        let address = Address::from_slice(&keccak256(&point.as_bytes()[1..])[12..]);
        Some(Account { key, address })
    }

    /// One of the accounts that test chains fund, `index` 0..=4. Panics beyond.
    pub fn dev(index: usize) -> Account {
        match Account::from_hex(DEV_KEYS[index]) {
            Ok(account) => account,
            Err(_) => unreachable!("the well-known keys are keys"),
        }
    }

    /// All accounts that test chains fund.
    pub fn all_dev() -> impl Iterator<Item = Account> {
        (0..DEV_KEYS.len()).map(Account::dev)
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Signs, and returns the raw transaction.
    pub(super) fn sign(&self, unsigned: &Unsigned<'_>) -> Result<Vec<u8>, ChainError> {
        let digest = keccak256(unsigned.encode(None));
        let (signature, parity) = self
            .key
            .sign_prehash_recoverable(digest.as_slice())
            .map_err(|cause| ChainError::Key { from: self.address.to_string(), reason: cause.to_string() })?;
        let r = U256::from_be_slice(&signature.r().to_bytes());
        let s = U256::from_be_slice(&signature.s().to_bytes());
        Ok(unsigned.encode(Some((parity.is_y_odd(), r, s))))
    }
}

/// An empty list.
struct NoAccessList;

impl Encodable for NoAccessList {
    fn encode(&self, out: &mut dyn BufMut) {
        Header { list: true, payload_length: 0 }.encode(out);
    }
}

impl Unsigned<'_> {
    /// EIP-2718 type 2: with its signature (parity, r, s), or what is to be signed.
    fn encode(&self, signature: Option<(bool, U256, U256)>) -> Vec<u8> {
        // The address of a creation is the empty string.
        let to = self.to.map(|to| to.to_vec()).unwrap_or_default();
        let mut fields: Vec<&dyn Encodable> =
            vec![&self.chain_id, &self.nonce, &self.tip_wei, &self.fee_wei, &self.gas];
        let to: &[u8] = &to;
        fields.extend([&to as &dyn Encodable, &self.value, self.data, &NoAccessList]);
        if let Some((parity, r, s)) = &signature {
            fields.extend([parity as &dyn Encodable, r, s]);
        }
        let mut out = vec![2];
        encode_list::<&dyn Encodable, dyn Encodable>(&fields, &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::address;

    use super::*;

    #[test]
    fn dev_accounts_are_the_well_known_ones() {
        assert_eq!(Account::dev(0).address(), address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"));
        assert_eq!(Account::all_dev().count(), 5);
    }

    #[test]
    fn a_keystore_opens_with_its_password_only() {
        let folder = std::env::temp_dir();
        let name = format!("systole-keystore-{}", std::process::id());
        let dev = Account::dev(2);
        let key = dev.key.to_bytes();
        eth_keystore::encrypt_key(&folder, &mut k256::elliptic_curve::rand_core::OsRng, key, "right", Some(&name))
            .unwrap();
        let path = folder.join(name);
        let opened = Account::from_keystore(&path, "right").map(|account| account.address());
        let refused = Account::from_keystore(&path, "wrong").unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(opened, Ok(dev.address()));
        assert!(refused.to_string().ends_with(": the password is wrong"), "{refused}");
    }

    #[test]
    fn wrong_keys_are_errors() {
        for key in ["", "0x12", &"0".repeat(64), &"f".repeat(64)] {
            assert!(matches!(Account::from_hex(key), Err(ChainError::Key { .. })), "{key}");
        }
        let error = Account::from_keystore(Path::new("no such file"), "").unwrap_err();
        assert!(error.to_string().starts_with("cannot use the key no such file: "), "{error}");
    }
}

//! Keys that sign, each with a name, and what is signed with them.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const ED25519: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIHbfFztS1ASJbbCVtwznf85Ly79chC7a7y9q+K5QUKqs
-----END PRIVATE KEY-----
";

const P256: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpCVkLZFUnCfZwIJ6
4m/6dbTv1HJpEkdt7jTWo7kpKSShRANCAATH9dN2P4507mI49A83GXRnSRhOayfG
66W2DZ+3AsFe6yTH5H5tmi0WRkEYeiFB+P5IHpFP3Rc1wjMjBYZBVPrZ
-----END PRIVATE KEY-----
";

const ANOTHER_P256: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9QLsmtR/c4H//w+y
zoWwstUU8H2YkowNBEWFDii7dxyhRANCAARvS7buYj20oPZfw/KcI+LMSF81OtdH
cbvgfyjlf9/5NpZOmvLghDwMmsqCUQD92YcCngn1l0xWx7pRUDOBzbWu
-----END PRIVATE KEY-----
";

/// A key that signs.
#[derive(Clone)]
pub(crate) struct Key {
    id: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Key {
    /// On the curve P-256.
    pub(crate) fn es256(id: &'static str) -> Self {
        Self { id, algorithm: Algorithm::ES256, key: EncodingKey::from_ec_pem(P256.as_bytes()).unwrap() }
    }

    /// Another one on that curve.
    pub(crate) fn other(id: &'static str) -> Self {
        Self { key: EncodingKey::from_ec_pem(ANOTHER_P256.as_bytes()).unwrap(), ..Self::es256(id) }
    }

    pub(crate) fn eddsa(id: &'static str) -> Self {
        Self { id, algorithm: Algorithm::EdDSA, key: EncodingKey::from_ed_pem(ED25519.as_bytes()).unwrap() }
    }

    pub(crate) fn rsa(id: &'static str, algorithm: Algorithm) -> Self {
        Self { id, algorithm, key: EncodingKey::from_rsa_pem(include_bytes!("rsa.pem")).unwrap() }
    }

    /// The part of it that everybody may have.
    pub(crate) fn public(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        jwk
    }

    /// The same, as a set of keys holds it.
    pub(crate) fn jwk(&self) -> Value {
        serde_json::to_value(self.public()).unwrap()
    }

    /// The header of what it signs.
    pub(crate) fn header(&self) -> Header {
        Header {
            kid: Some(self.id.to_owned()),
            typ: Some("at+jwt".to_owned()),
            ..Header::new(self.algorithm)
        }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.header(), claims)
    }

    pub(crate) fn sign_as(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.key).unwrap()
    }

    /// Proves that whoever has the key sends a request with `token` (RFC 9449, section 4.2).
    pub(crate) fn proof(&self, claims: &Value) -> String {
        self.sign_as(&self.proof_header(), claims)
    }

    /// The signature of any text.
    pub(crate) fn signature(&self, message: &str) -> String {
        jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap()
    }

    pub(crate) fn proof_header(&self) -> Header {
        let mut jwk = self.public();
        jwk.common.key_id = None;
        Header { typ: Some("dpop+jwt".to_owned()), jwk: Some(jwk), ..Header::new(self.algorithm) }
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}

/// The same claims with some of them changed, or left out where they are null.
pub(crate) fn but(claims: &Value, changes: &Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

/// Claims of a token that is good for `resource`.
pub(crate) fn claims(issuer: &str, resource: &str) -> Value {
    json!({
        "iss": issuer, "aud": resource, "sub": "ann", "client_id": "reports", "scope": "mcp",
        "iat": now(), "exp": now() + 3600,
    })
}

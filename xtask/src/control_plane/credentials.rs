//! The keys, certificates, tokens and kubeconfigs of a control plane that lives for one command.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::json;

/// The files that the API server and its clients are started with.
pub struct Credentials {
    /// The API server's certificate, signed by the authority.
    pub certificate: PathBuf,
    /// The key of that certificate.
    pub key: PathBuf,
    /// The key that signs the tokens of service accounts.
    pub service_accounts: PathBuf,
    /// The public half of that key, by which the API server checks them.
    pub service_accounts_public: PathBuf,
    /// The list of tokens that the API server takes: the administrator's alone.
    pub tokens: PathBuf,
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// Where the API server answers.
    pub server: String,
    /// The administrator's token.
    pub token: String,
    authority_pem: String,
}

impl Credentials {
    /// Writes everything for an API server on this port of loopback into the folder.
    ///
    /// # Errors
    /// When a key cannot be made or a file cannot be written.
    pub fn write(folder: &Path, port: u16) -> Result<Self> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "Slipway test control plane");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let server_key = KeyPair::generate()?;
        let mut server =
            CertificateParams::new(["127.0.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned))?;
        server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        let certificate = server.signed_by(&server_key, &issuer)?.pem();

        let service_accounts = KeyPair::generate()?;
        let token = random_token()?;
        let written = |name: &str, text: &str| -> Result<PathBuf> {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(path)
        };
        let address = format!("https://127.0.0.1:{port}");
        Ok(Self {
            certificate: written("server.crt", &certificate)?,
            key: written("server.key", &server_key.serialize_pem())?,
            service_accounts: written("service-accounts.key", &service_accounts.serialize_pem())?,
            service_accounts_public: written("service-accounts.pub", &service_accounts.public_key_pem())?,
            tokens: written("tokens.csv", &format!("{token},admin,admin,system:masters\n"))?,
            kubeconfig: written("admin.kubeconfig", &kubeconfig(&address, &authority_pem, "admin", &token))?,
            server: address,
            token,
            authority_pem,
        })
    }

    /// The authority's certificate, in base64 as kubeconfigs have it.
    pub fn authority_base64(&self) -> String {
        STANDARD.encode(&self.authority_pem)
    }

    /// Writes a kubeconfig for another user of the same server.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_kubeconfig(&self, path: &Path, user: &str, token: &str) -> Result<()> {
        let text = kubeconfig(&self.server, &self.authority_pem, user, token);
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Unguessable for others on the same machine: the API server listens on loopback for all.
fn random_token() -> Result<String> {
    // A fresh private key is the randomness at hand; its hash says nothing about it.
    let mut hash = crate::digest::Hash::new();
    hash.add("token", &KeyPair::generate()?.serialize_der());
    Ok(hash.long())
}

/// JSON is YAML, which is what kubeconfigs are written in.
fn kubeconfig(server: &str, authority_pem: &str, user: &str, token: &str) -> String {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {
            "server": server,
            "certificate-authority-data": STANDARD.encode(authority_pem),
        }}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
    });
    format!("{config:#}\n")
}

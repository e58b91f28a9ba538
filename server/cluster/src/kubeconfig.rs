//! Kubeconfigs that people paste: from each context only the server's address, the certificate
//! authority and the token are taken. Whatever would run a program, read a file of this machine or
//! weaken TLS is refused with the reason. Never fails by panic; whoever sends this may be hostile.

use base64::{Engine, engine::general_purpose::STANDARD};
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use ports::ConnectionSettings;
use secrecy::{ExposeSecret, SecretString};

use crate::ROLE_YAML;

/// The largest kubeconfig that is read: a company's collection of a thousand contexts fits.
pub const LARGEST: usize = 512 * 1024;

/// Why a kubeconfig as a whole was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KubeconfigError {
    /// More than [`LARGEST`] bytes.
    #[error("the kubeconfig is larger than {} KiB", LARGEST / 1024)]
    TooLarge,
    /// Not YAML, or not in the form of a kubeconfig.
    #[error("this is not a kubeconfig: {0}")]
    Malformed(String),
    /// It names no context.
    #[error("the kubeconfig has no context; paste the output of: kubectl config view --minify --flatten --raw")]
    NoContext,
}

/// A context of a kubeconfig, to choose from.
#[derive(Clone, Debug)]
pub struct ContextChoice {
    /// Its name.
    pub name: String,
    /// Whether it is the current one.
    pub is_current: bool,
    /// The namespace that it names.
    pub namespace: Option<String>,
    /// What is taken from it, or why nothing is.
    pub settings: Result<ConnectionSettings, ContextRefusal>,
}

/// Why a context was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextRefusal {
    /// The reason, in words.
    pub reason: String,
    /// The commands that make a service account's token for it, when that is the way.
    pub commands: Option<String>,
}

/// Reads a kubeconfig; one entry per context, the current one first, then by name.
///
/// # Errors
/// [`KubeconfigError`] when it cannot be read at all; a context that cannot be used is no error but
/// an entry with its reason.
pub fn parse(yaml: &str) -> Result<Vec<ContextChoice>, KubeconfigError> {
    if yaml.len() > LARGEST {
        return Err(KubeconfigError::TooLarge);
    }
    let config = Kubeconfig::from_yaml(yaml).map_err(|e| malformed(&e))?;
    let mut choices: Vec<ContextChoice> = config.contexts.iter().map(|named| choice(&config, named)).collect();
    if choices.is_empty() {
        return Err(KubeconfigError::NoContext);
    }
    choices.sort_by(|a, b| b.is_current.cmp(&a.is_current).then_with(|| a.name.cmp(&b.name)));
    Ok(choices)
}

/// Says where, never what: the parser's own text quotes lines, and lines hold tokens.
fn malformed(error: &kube::config::KubeconfigError) -> KubeconfigError {
    let place = match error {
        kube::config::KubeconfigError::Parse(error) => error.location(),
        _ => None,
    };
    KubeconfigError::Malformed(match place {
        Some(place) => format!("it cannot be read at line {}, column {}", place.line(), place.column()),
        None => "it is not in the form of one".to_owned(),
    })
}

fn choice(config: &Kubeconfig, named: &kube::config::NamedContext) -> ContextChoice {
    let context = named.context.clone().unwrap_or_default();
    let cluster = config.clusters.iter().find(|c| c.name == context.cluster).and_then(|c| c.cluster.as_ref());
    let wanted_user = context.user.as_deref().unwrap_or_default();
    let user = config.auth_infos.iter().find(|u| u.name == wanted_user).and_then(|u| u.auth_info.as_ref());
    let settings = match (cluster, user) {
        (None, _) => {
            Err(refuse(format!("it names the cluster '{}', which the kubeconfig does not have", context.cluster)))
        }
        (_, None) => Err(refuse(format!("it names the user '{wanted_user}', which the kubeconfig does not have"))),
        (Some(cluster), Some(user)) => take(cluster, user, &named.name),
    };
    ContextChoice {
        name: named.name.clone(),
        is_current: config.current_context.as_deref() == Some(named.name.as_str()),
        namespace: context.namespace.filter(|n| !n.is_empty()),
        settings,
    }
}

fn refuse(reason: String) -> ContextRefusal {
    ContextRefusal { reason, commands: None }
}

fn take(cluster: &Cluster, user: &AuthInfo, context: &str) -> Result<ConnectionSettings, ContextRefusal> {
    if let Some(reason) = foreign_user(user) {
        return Err(ContextRefusal { reason, commands: service_account_commands(Some(context)) });
    }
    if let Some(reason) = foreign_cluster(cluster) {
        return Err(refuse(reason));
    }
    let server = cluster.server.clone().filter(|s| !s.is_empty());
    let server = server.ok_or_else(|| refuse("it has no server address".to_owned()))?;
    let certificate_authority = cluster.certificate_authority_data.as_deref().map(decode).transpose()?;
    let token = user.token.as_ref().filter(|t| !t.expose_secret().trim().is_empty());
    let token = token.ok_or_else(|| ContextRefusal {
        reason: "its user has no token".to_owned(),
        commands: service_account_commands(Some(context)),
    })?;
    Ok(ConnectionSettings::Token { server, certificate_authority, token: SecretString::from(token.expose_secret()) })
}

fn decode(data: &str) -> Result<String, ContextRefusal> {
    let compact: String = data.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = STANDARD.decode(compact).ok();
    let text = bytes.and_then(|b| String::from_utf8(b).ok());
    text.ok_or_else(|| refuse("its certificate-authority-data is not a certificate in base64".to_owned()))
}

/// What a user brings that is never taken: programs to run, files to read, other ways to sign in.
fn foreign_user(user: &AuthInfo) -> Option<String> {
    let runs = |what: &str| {
        Some(format!(
            "{what} to sign in. Slipway runs no programs of a kubeconfig: give it a service account's token instead"
        ))
    };
    if let Some(exec) = &user.exec {
        let command = exec.command.as_deref().unwrap_or("a program");
        return runs(&format!("it runs '{}' (exec)", crate::error::cut(command, 100)));
    }
    if let Some(provider) = &user.auth_provider {
        return runs(&format!("it uses the auth-provider '{}'", crate::error::cut(&provider.name, 100)));
    }
    let files = [
        ("tokenFile", user.token_file.is_some()),
        ("client-certificate", user.client_certificate.is_some()),
        ("client-key", user.client_key.is_some()),
    ];
    if let Some((key, _)) = files.iter().find(|(_, is_there)| *is_there) {
        return Some(format!("it refers to a file by {key}, which lies on another machine; use a token"));
    }
    if user.client_certificate_data.is_some() || user.client_key_data.is_some() {
        return Some(
            "it signs in by a client certificate, which cannot be revoked; use a service account's token".to_owned(),
        );
    }
    if user.username.is_some() || user.password.is_some() {
        return Some("it signs in by user name and password, which Kubernetes no longer does; use a token".to_owned());
    }
    let acts_as_another = user.impersonate.is_some()
        || user.impersonate_uid.is_some()
        || user.impersonate_groups.is_some()
        || user.impersonate_user_extra.is_some();
    acts_as_another.then(|| "it acts as another user ('as'); use a token of the account itself".to_owned())
}

fn foreign_cluster(cluster: &Cluster) -> Option<String> {
    if cluster.insecure_skip_tls_verify == Some(true) {
        return Some("it turns off the check of the server's certificate (insecure-skip-tls-verify)".to_owned());
    }
    if cluster.certificate_authority.is_some() {
        return Some(
            "it refers to a file by certificate-authority; paste the output of: kubectl config view --minify --flatten --raw"
                .to_owned(),
        );
    }
    if cluster.proxy_url.is_some() {
        return Some("it reaches the server through a proxy (proxy-url), which is not supported".to_owned());
    }
    let name = cluster.tls_server_name.as_ref()?;
    Some(format!(
        "it expects another server name (tls-server-name {}), which is not supported",
        crate::error::cut(name, 100)
    ))
}

/// Reads a kubeconfig and takes one context: the named one, else the current one, else the only one.
///
/// # Errors
/// What to tell the person: the reason, and the commands to run when a service account is the way.
pub(crate) fn take_one(yaml: &str, context: Option<&str>) -> Result<ConnectionSettings, String> {
    let mut choices = parse(yaml).map_err(|e| e.to_string())?;
    let names = || {
        let listed: Vec<String> = choices.iter().take(20).map(|c| crate::error::cut(&c.name, 100)).collect();
        listed.join(", ")
    };
    let found = match context {
        Some(name) => choices.iter().position(|c| c.name == name),
        None if choices.len() == 1 => Some(0),
        None => choices.iter().position(|c| c.is_current),
    };
    let Some(found) = found else {
        return Err(match context {
            Some(name) => format!("there is no context '{}'; there is {}", crate::error::cut(name, 100), names()),
            None => format!("it has no current context; choose one of {}", names()),
        });
    };
    choices.swap_remove(found).settings.map_err(|refusal| match refusal.commands {
        Some(commands) => format!("{}. These commands make one:\n\n{commands}", refusal.reason),
        None => refusal.reason,
    })
}

/// The commands, to paste into a shell, that make Slipway's role, a service account and its token in
/// the cluster of a context (the shell's current one when absent), and print what Slipway asks for.
/// `None` for a context whose name cannot be written safely.
///
/// The token is that of a Secret: those of `kubectl create token` end after hours on EKS and GKE.
#[must_use]
pub fn service_account_commands(context: Option<&str>) -> Option<String> {
    let kubectl = match context {
        Some(name) if name.is_empty() || name.len() > 300 || name.chars().any(char::is_control) => return None,
        Some(name) => format!("kubectl --context '{}'", name.replace('\'', r"'\''")),
        None => "kubectl".to_owned(),
    };
    Some(format!(
        "# 1. The role, the service account and its token\n\
         {kubectl} apply -f - <<'EOF'\n{role}---\n{secret}EOF\n\
         # 2. The server's address\n\
         {kubectl} config view --minify --raw -o jsonpath='{{.clusters[0].cluster.server}}{{\"\\n\"}}'\n\
         # 3. The certificate authority\n\
         {kubectl} --namespace slipway get secret slipway-token -o jsonpath='{{.data.ca\\.crt}}' | base64 --decode\n\
         # 4. The token\n\
         {kubectl} --namespace slipway get secret slipway-token -o jsonpath='{{.data.token}}' | base64 --decode\n",
        role = ROLE_YAML,
        secret = TOKEN_SECRET,
    ))
}

const TOKEN_SECRET: &str = "apiVersion: v1
kind: Secret
metadata:
  name: slipway-token
  namespace: slipway
  annotations:
    kubernetes.io/service-account.name: slipway
type: kubernetes.io/service-account-token
";

#[cfg(test)]
mod tests;

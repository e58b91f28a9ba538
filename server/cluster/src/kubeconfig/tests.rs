#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
use proptest::prelude::*;

use super::*;

fn config(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: main\ncontexts:\n- name: main\n  context: {{cluster: c, user: u, namespace: shop}}\n\
         clusters:\n- name: c\n  cluster: {cluster}\nusers:\n- name: u\n  user: {user}\n"
    )
}

fn refusal(cluster: &str, user: &str) -> ContextRefusal {
    match parse(&config(cluster, user)).unwrap().remove(0).settings {
        Err(refusal) => refusal,
        Ok(taken) => panic!("{cluster} {user} was taken: {taken:?}"),
    }
}

const GOOD_CLUSTER: &str = "{server: 'https://10.0.0.1:6443', certificate-authority-data: LS0t}";

#[test]
fn address_authority_and_token_are_taken_and_nothing_else() {
    let choices = parse(&config(GOOD_CLUSTER, "{token: secret-word}")).unwrap();
    assert_eq!(choices.len(), 1);
    assert_eq!(
        (choices[0].name.as_str(), choices[0].is_current, choices[0].namespace.as_deref()),
        ("main", true, Some("shop"))
    );
    match &choices[0].settings {
        Ok(ConnectionSettings::Token { server, certificate_authority, token }) => {
            assert_eq!(server, "https://10.0.0.1:6443");
            assert_eq!(certificate_authority.as_deref(), Some("---"));
            assert_eq!(token.expose_secret(), "secret-word");
        }
        other => panic!("{other:?}"),
    }
    assert!(!format!("{choices:?}").contains("secret-word"));
}

#[test]
fn what_runs_programs_reads_files_or_weakens_tls_is_refused_with_the_reason() {
    let token = "{token: t}";
    for (cluster, user, reason) in [
        (GOOD_CLUSTER, "{exec: {apiVersion: v1, command: aws, args: [eks, get-token]}}", "it runs 'aws' (exec)"),
        (GOOD_CLUSTER, "{token: t, exec: {command: aws}}", "exec"),
        (GOOD_CLUSTER, "{auth-provider: {name: gcp}}", "auth-provider 'gcp'"),
        (GOOD_CLUSTER, "{tokenFile: /etc/passwd}", "tokenFile"),
        (GOOD_CLUSTER, "{token: t, client-key: /root/.ssh/id_rsa}", "client-key"),
        (GOOD_CLUSTER, "{client-certificate: a, client-key: b}", "client-certificate"),
        (GOOD_CLUSTER, "{client-certificate-data: YQ==, client-key-data: YQ==}", "client certificate"),
        (GOOD_CLUSTER, "{username: a, password: b}", "password"),
        (GOOD_CLUSTER, "{token: t, as: admin}", "acts as another"),
        (GOOD_CLUSTER, "{token: ' '}", "no token"),
        (GOOD_CLUSTER, "{}", "no token"),
        ("{server: 'https://h', insecure-skip-tls-verify: true}", token, "insecure-skip-tls-verify"),
        ("{server: 'https://h', certificate-authority: /etc/ca.pem}", token, "certificate-authority"),
        ("{server: 'https://h', proxy-url: 'http://p'}", token, "proxy"),
        ("{server: 'https://h', tls-server-name: other}", token, "tls-server-name"),
        ("{server: 'https://h', certificate-authority-data: '%%%'}", token, "base64"),
        ("{}", token, "no server address"),
    ] {
        let found = refusal(cluster, user).reason;
        assert!(found.contains(reason), "{cluster} {user}: {found}");
    }
}

#[test]
fn an_exec_kubeconfig_gets_the_commands_for_a_service_account() {
    let refusal = refusal(GOOD_CLUSTER, "{exec: {command: gke-gcloud-auth-plugin}}");
    let commands = refusal.commands.unwrap();
    assert!(commands.contains("kubectl --context 'main' apply -f - <<'EOF'"));
    assert!(commands.contains("kind: ClusterRole\n") && commands.contains("service-account-token"));
}

#[test]
fn a_context_cannot_smuggle_commands_into_what_people_paste() {
    let commands = service_account_commands(Some("it's; rm -rf ~ #")).unwrap();
    assert!(commands.contains(r"kubectl --context 'it'\''s; rm -rf ~ #' apply"));
    for name in ["", "a\nrm -rf ~", "a\u{1b}[2K"] {
        assert_eq!(service_account_commands(Some(name)), None, "{name:?}");
    }
}

#[test]
fn the_commands_are_what_a_shell_understands() {
    for context in [None, Some("arn:aws:eks:eu-1:1:cluster/it's")] {
        let script = service_account_commands(context).unwrap();
        let checked = std::process::Command::new("sh").args(["-n", "-c", &script]).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}

#[test]
fn a_context_that_points_nowhere_says_so() {
    let text = "contexts:\n- name: b\n  context: {cluster: x, user: u}\n- name: a\n- name: c\n  context: {cluster: k}\nclusters:\n- {name: k, cluster: {server: s}}\ncurrent-context: c\n";
    let choices = parse(text).unwrap();
    let told: Vec<_> =
        choices.iter().map(|c| (c.name.as_str(), c.settings.as_ref().unwrap_err().reason.clone())).collect();
    assert_eq!(told[0], ("c", "it names the user '', which the kubeconfig does not have".to_owned()));
    assert_eq!(told[1].0, "a");
    assert_eq!(told[2], ("b", "it names the cluster 'x', which the kubeconfig does not have".to_owned()));
}

#[test]
fn one_context_is_taken_and_what_to_do_is_told_when_none_can_be() {
    let good = config(GOOD_CLUSTER, "{token: t}");
    assert!(take_one(&good, None).is_ok() && take_one(&good, Some("main")).is_ok());
    assert_eq!(take_one(&good, Some("other")).unwrap_err(), "there is no context 'other'; there is main");
    let two = "contexts:\n- {name: a, context: {cluster: c, user: u}}\n- {name: b, context: {cluster: c, user: u}}\n";
    assert_eq!(take_one(two, None).unwrap_err(), "it has no current context; choose one of a, b");
    let exec = take_one(&config(GOOD_CLUSTER, "{exec: {command: aws}}"), None).unwrap_err();
    assert!(exec.starts_with("it runs 'aws' (exec)") && exec.contains("kubectl --context 'main' apply"), "{exec}");
}

#[test]
fn hostile_text_is_an_error_in_bounded_time() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n";
    let deep = format!("extensions: {}", "[".repeat(100_000));
    let deep_map =
        "a:\n".to_owned() + &(1..2_000).map(|i| format!("{}a:\n", " ".repeat(i.min(200)))).collect::<String>();
    let started = std::time::Instant::now();
    for text in ["", "{", "- 1", "null", "a: b", "contexts: 7", "\u{0}", "%YAML 9.9\n---\n", bomb, &deep, &deep_map] {
        assert!(parse(text).is_err(), "{}", text.chars().take(60).collect::<String>());
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(parse(&" ".repeat(LARGEST + 1)).unwrap_err(), KubeconfigError::TooLarge);
}

#[test]
fn an_error_says_where_and_never_quotes_a_token() {
    for text in [
        "users:\n- name: u\n  user: {token: secret-word, exec: 7}\n",
        "users:\n- name: u\n  user:\n    token: secret-word\n   bad: indent\n",
        "contexts: secret-word\n",
        "users:\n- name: u\n  user: {tokenFile: [secret-word]}\n",
    ] {
        let error = parse(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret-word"), "{error:?}");
        assert!(error.to_string().contains("line "), "{error}");
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in "(?s).{0,400}") {
        drop(parse(&text));
    }

    #[test]
    fn no_value_of_a_field_makes_it_panic_or_run_anything(cluster in "[ -~]{0,60}", user in "[ -~]{0,60}") {
        drop(parse(&config(&cluster, &user)));
    }
}

//! TLS, the catalogue's trust anchors, and proxies on the way to AWS.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::set_up;
use crate::support::{Home, Moto, Outcome, tool};

/// A moto behind TLS, its certificate, and a daily identity for it.
pub fn with_tls() -> (Home, Moto, String) {
    let home = Home::new();
    let path = |name: &str| home.path(name).display().to_string();
    let mut openssl = home.command(tool("openssl"));
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    openssl.args(["-subj", "/CN=aws", "-addext", "subjectAltName=DNS:aws.test,IP:127.0.0.1", "-days", "2"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    Outcome::of(openssl.args(["-keyout", &path("key.pem"), "-out", &path("cert.pem")]), "").exits(0);
    let moto = Moto::start_with(&home, &["-c", &path("cert.pem"), "-k", &path("key.pem")]);
    home.write(
        ".aws/config",
        "[profile daily]\ncredential_process = echo '{\"Version\":1,\"AccessKeyId\":\"AKIAIOSFODNN7EXAMPLE\",\
         \"SecretAccessKey\":\"wJalrXUtnFEMI\"}'\n",
    );
    let certificate = path("cert.pem");
    (home, moto, certificate)
}

/// A proxy that connects whoever asks to one server, and keeps what was asked for.
struct Proxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn to(server: &str) -> Proxy {
        let server = server.rsplit('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming() {
                tunnel(client.unwrap(), &server, &kept);
            }
        });
        Proxy { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn tunnel(mut client: TcpStream, server: &str, asked: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if client.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    asked.lock().unwrap().push(String::from_utf8(head).unwrap());
    let mut up = TcpStream::connect(server).unwrap();
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
    let (mut from_server, mut to_client) = (up.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || io::copy(&mut from_server, &mut to_client));
    thread::spawn(move || io::copy(&mut client, &mut up));
}

#[test]
fn only_the_bundle_of_the_catalogue_is_trusted() {
    let (home, moto, certificate) = with_tls();
    set_up(&home, &moto.endpoint, None, "daily");
    let distrusting = home.glass(&["whoami"]).exits(1);
    assert!(distrusting.stderr.contains("invalid peer certificate"), "{}", distrusting.stderr);
    set_up(&home, &moto.endpoint, Some(&certificate), "daily");
    home.glass(&["whoami"]).exits(0);
}

#[test]
fn a_proxy_is_gone_through_and_sees_only_where_to() {
    let (mut home, moto, certificate) = with_tls();
    let port = moto.endpoint.rsplit(':').next().unwrap();
    // Only the proxy knows where this is.
    set_up(&home, &format!("https://aws.test:{port}"), Some(&certificate), "daily");
    let proxy = Proxy::to(&moto.endpoint);
    home.set("HTTPS_PROXY", proxy.address.replace("http://", "http://user:secret@"));
    home.glass(&["whoami"]).exits(0);
    let asked = proxy.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].starts_with(&format!("CONNECT aws.test:{port} HTTP/1.1\r\n")), "{asked:?}");
    assert!(asked[0].to_lowercase().contains("proxy-authorization: basic "), "{asked:?}");
    assert!(!asked[0].contains("AKIA"), "{asked:?}");
}

#[test]
fn what_no_proxy_names_is_reached_without_one() {
    let (mut home, moto, certificate) = with_tls();
    set_up(&home, &moto.endpoint, Some(&certificate), "daily");
    let proxy = Proxy::to(&moto.endpoint);
    home.set("HTTPS_PROXY", &proxy.address).set("NO_PROXY", "127.0.0.1");
    home.glass(&["whoami"]).exits(0);
    assert!(proxy.asked().is_empty());
}

#[test]
fn plain_http_to_loopback_never_goes_through_a_proxy() {
    let mut home = Home::new();
    let moto = Moto::start(&home);
    home.write(".aws/config", "[profile daily]\ncredential_process = echo '{\"Version\":1,\"AccessKeyId\":\"AKIAIOSFODNN7EXAMPLE\",\"SecretAccessKey\":\"wJalrXUtnFEMI\"}'\n");
    set_up(&home, &moto.endpoint, None, "daily");
    let proxy = Proxy::to(&moto.endpoint);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"] {
        home.set(name, &proxy.address);
    }
    home.glass(&["whoami"]).exits(0);
    assert!(proxy.asked().is_empty());
}

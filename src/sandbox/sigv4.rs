//! Who signed a request: AWS Signature Version 4, verified to the letter.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.
//! Only the `Authorization` header is read: presigned links are for browsers.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::fault::{Code, Fault};
use crate::model::name::{Digest, Region};
use crate::model::time::Timestamp;

/// How far the clocks of caller and AWS may be apart.
const WINDOW: Duration = Duration::from_secs(5 * 60);

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A request as it came: header names in lower case, in the order they came.
pub struct Request {
    /// The method, such as `POST`.
    pub method: String,
    /// The path, percent-encoded.
    pub path: String,
    /// The query, percent-encoded, without its `?`.
    pub query: String,
    /// Names in lower case and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The values of a header, joined as a signature takes them; `None` if there is none.
    fn header(&self, name: &str) -> Option<String> {
        let values: Vec<String> = self
            .headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        (!values.is_empty()).then(|| values.join(","))
    }
}

/// What a request says about its signer, before anything of it is believed.
pub struct Claim {
    /// The access key.
    pub access_key: String,
    /// The session token, if one was sent.
    pub token: Option<String>,
    /// The service of the credential scope.
    pub service: String,
    region: String,
    date: String,
    signed_headers: Vec<String>,
    signature: String,
    moment: String,
}

impl Claim {
    /// Reads who a request says has signed it.
    ///
    /// # Errors
    /// When it is not signed, or not in full.
    pub fn read(request: &Request) -> Result<Self, Fault> {
        let authorization = request
            .header("authorization")
            .ok_or_else(|| Fault::new(Code::MissingAuthenticationToken, "Request is missing Authentication Token"))?;
        let incomplete =
            |what: &str| Fault::new(Code::IncompleteSignature, format!("Authorization header requires {what}."));
        let parts =
            authorization.strip_prefix(ALGORITHM).ok_or_else(|| incomplete(&format!("the algorithm '{ALGORITHM}'")))?;
        let part = |name: &str| {
            parts
                .split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(|| incomplete(&format!("'{name}' parameter")))
        };
        let (credential, signed, signature) = (part("Credential")?, part("SignedHeaders")?, part("Signature")?);
        let scope: Vec<&str> = credential.split('/').collect();
        let [access_key, date, region, service, "aws4_request"] = scope.as_slice() else {
            let message = "Credential must have exactly 5 slash-delimited elements, e.g. \
                           keyid/date/region/service/term";
            return Err(Fault::new(Code::IncompleteSignature, message));
        };
        let moment =
            request.header("x-amz-date").ok_or_else(|| incomplete("existence of either a 'X-Amz-Date' header"))?;
        Ok(Claim {
            access_key: (*access_key).to_owned(),
            token: request.header("x-amz-security-token"),
            service: (*service).to_owned(),
            region: (*region).to_owned(),
            date: (*date).to_owned(),
            signed_headers: signed.split(';').map(str::to_owned).collect(),
            signature: signature.to_owned(),
            moment,
        })
    }

    /// Checks the moment of signing, the scope, and the signature itself.
    ///
    /// # Errors
    /// With AWS's code and text for the first of them that is wrong.
    pub fn verify(&self, request: &Request, secret: &str, now: Timestamp) -> Result<(), Fault> {
        self.check_moment(now)?;
        self.check_scope(request)?;
        let expected = self.signature_with(request, secret)?;
        let given = decode_hex(&self.signature).ok_or_else(mismatch)?;
        expected.verify_slice(&given).map_err(|_| mismatch())
    }

    fn check_moment(&self, now: Timestamp) -> Result<(), Fault> {
        let signed = read_moment(&self.moment).ok_or_else(|| {
            let message = format!("Date must be in ISO-8601 'basic format'. Got '{}'.", self.moment);
            Fault::new(Code::IncompleteSignature, message)
        })?;
        let moment = &self.moment;
        if now.since(signed) > WINDOW {
            let limit = show_moment(Timestamp::from_micros(now.micros()), -1);
            let now = show_moment(now, 0);
            let message = format!("Signature expired: {moment} is now earlier than {limit} ({now} - 5 min.)");
            return Err(Fault::new(Code::SignatureDoesNotMatch, message));
        }
        if signed.since(now) > WINDOW {
            let (limit, now) = (show_moment(now, 1), show_moment(now, 0));
            let message = format!("Signature not yet current: {moment} is still later than {limit} ({now} + 5 min.)");
            return Err(Fault::new(Code::SignatureDoesNotMatch, message));
        }
        Ok(())
    }

    fn check_scope(&self, request: &Request) -> Result<(), Fault> {
        let wrong = |message: String| Err(Fault::new(Code::SignatureDoesNotMatch, message));
        let (scope, day) = (&self.date, self.moment.get(..8).unwrap_or_default());
        if scope != day {
            return wrong(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{scope}' != '{day}', from '{}'.",
                self.moment
            ));
        }
        if Region::parse(&self.region).is_err() {
            return wrong("Credential should be scoped to a valid region. ".to_owned());
        }
        if !matches!(self.service.as_str(), "sts" | "iam") {
            return wrong("Credential should be scoped to correct service: 'sts'. ".to_owned());
        }
        let signed = |name: &str| self.signed_headers.iter().any(|known| known == name);
        if !signed("host") {
            return wrong("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned());
        }
        match request.headers.iter().find(|(name, _)| name.starts_with("x-amz-") && !signed(name)) {
            Some((name, _)) => wrong(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")),
            None => Ok(()),
        }
    }

    /// The signature that the holder of the secret would have made, ready to be compared in constant time.
    fn signature_with(&self, request: &Request, secret: &str) -> Result<Hmac<Sha256>, Fault> {
        let payload = Digest::of(&request.body).to_string();
        if request.header("x-amz-content-sha256").is_some_and(|declared| declared != payload) {
            return Err(mismatch());
        }
        let mut headers = String::new();
        for name in &self.signed_headers {
            headers.push_str(&format!("{name}:{}\n", request.header(name).ok_or_else(mismatch)?));
        }
        let canonical = format!(
            "{}\n{}\n{}\n{headers}\n{}\n{payload}",
            request.method,
            request.path,
            canonical_query(&request.query),
            self.signed_headers.join(";"),
        );
        let scope = format!("{}/{}/{}/aws4_request", self.date, self.region, self.service);
        let to_sign = format!("{ALGORITHM}\n{}\n{scope}\n{}", self.moment, Digest::of(canonical.as_bytes()));
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in [self.date.as_str(), &self.region, &self.service, "aws4_request"] {
            key = keyed(&key, part).finalize().into_bytes().to_vec();
        }
        Ok(keyed(&key, &to_sign))
    }
}

fn keyed(key: &[u8], text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(text.as_bytes());
    mac
}

/// The query with its pairs sorted; they are signed in the encoding they came in.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") })
        .collect();
    pairs.sort_unstable();
    pairs.join("&")
}

fn mismatch() -> Fault {
    Fault::new(
        Code::SignatureDoesNotMatch,
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details.",
    )
}

/// Reads `YYYYMMDDTHHMMSSZ`.
fn read_moment(text: &str) -> Option<Timestamp> {
    if text.len() != 16 || !text.is_ascii() {
        return None;
    }
    let (day, clock) = (&text[..8], &text[8..]);
    let spread = format!("{}-{}-{}{}:{}:{}", &day[..4], &day[4..6], &day[6..], &clock[..3], &clock[3..5], &clock[5..]);
    Timestamp::parse(&spread).ok()
}

/// Writes `YYYYMMDDTHHMMSSZ`, so many windows later.
fn show_moment(moment: Timestamp, windows: i64) -> String {
    let seconds = i64::try_from(WINDOW.as_secs()).unwrap_or(0) * windows;
    Timestamp::from_seconds(moment.seconds() + seconds).to_seconds_text().replace(['-', ':'], "")
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|place| u8::from_str_radix(&text[place..place + 2], 16).ok()).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Signs a form as a client would.
    pub fn sign(id: &str, secret: &str, token: Option<&str>, service: &str, form: &str, now: Timestamp) -> Request {
        let moment = show_moment(now, 0);
        let mut headers = vec![("host".to_owned(), "localhost".to_owned()), ("x-amz-date".to_owned(), moment.clone())];
        headers.extend(token.map(|token| ("x-amz-security-token".to_owned(), token.to_owned())));
        let signed: Vec<String> = headers.iter().map(|(name, _)| name.clone()).collect();
        let body = form.as_bytes().to_vec();
        let mut request = Request { method: "POST".into(), path: "/".into(), query: String::new(), headers, body };
        let scope = format!("{}/eu-west-1/{service}/aws4_request", &moment[..8]);
        let names = signed.join(";");
        let unsigned = format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature=");
        request.headers.push(("authorization".into(), unsigned.clone()));
        let signature = Claim::read(&request).and_then(|claim| claim.signature_with(&request, secret));
        let signature = signature.expect("a claim").finalize().into_bytes();
        let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        request.headers.last_mut().expect("just pushed").1 = unsigned + &hex;
        request
    }

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// `get-vanilla-query-order-key-case` of AWS's published test suite, with `service` read as `sts`
    /// and the signature worked out with the reference steps.
    fn request(signature: &str) -> Request {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/sts/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        Request {
            method: "GET".into(),
            path: "/".into(),
            query: "Param2=value2&Param1=value1".into(),
            headers: vec![
                ("host".into(), "example.amazonaws.com".into()),
                ("x-amz-date".into(), "20150830T123600Z".into()),
                ("authorization".into(), authorization),
            ],
            body: Vec::new(),
        }
    }

    fn verify(request: &Request, now: &str) -> Result<(), Fault> {
        Claim::read(request)?.verify(request, SECRET, Timestamp::parse(now).expect("a moment"))
    }

    const SIGNATURE: &str = "856876d721bf3ec43af9ea883fe3c989e282f4777dc5f81a753f08d157830df6";
    const NOON: &str = "2015-08-30T12:36:00Z";

    #[test]
    fn a_signature_by_the_holder_of_the_secret_is_accepted() {
        assert_eq!(verify(&request(SIGNATURE), NOON), Ok(()));
    }

    #[test]
    fn whatever_is_changed_breaks_the_signature() {
        let changes: [fn(&mut Request); 6] = [
            |request| request.method = "POST".into(),
            |request| request.path = "/x".into(),
            |request| request.query = "Param1=value1&Param2=value3".into(),
            |request| request.body = b"Action=AssumeRole".to_vec(),
            |request| request.headers[0].1 = "sts.amazonaws.com".into(),
            |request| request.headers[1].1 = "20150830T123601Z".into(),
        ];
        for (place, change) in changes.iter().enumerate() {
            let mut request = request(SIGNATURE);
            change(&mut request);
            assert_eq!(verify(&request, NOON), Err(mismatch()), "{place}");
        }
        for signature in [&SIGNATURE[2..], "", "zz", &SIGNATURE.replace('8', "9")] {
            assert!(verify(&request(signature), NOON).is_err(), "{signature}");
        }
    }

    #[test]
    fn the_moment_of_signing_may_be_five_minutes_off() {
        assert_eq!(verify(&request(SIGNATURE), "2015-08-30T12:41:00Z"), Ok(()));
        assert_eq!(verify(&request(SIGNATURE), "2015-08-30T12:31:00Z"), Ok(()));
        let late = verify(&request(SIGNATURE), "2015-08-30T12:41:01Z").expect_err("late");
        assert_eq!(
            late.to_string(),
            "SignatureDoesNotMatch: Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
             (20150830T124101Z - 5 min.)"
        );
        let early = verify(&request(SIGNATURE), "2015-08-30T12:30:59Z").expect_err("early");
        assert!(early.message.starts_with("Signature not yet current: 20150830T123600Z is still later than"));
    }

    #[test]
    fn what_is_not_signed_in_full_is_refused() {
        let code = |edit: fn(&mut Request)| {
            let mut request = request(SIGNATURE);
            edit(&mut request);
            verify(&request, NOON).expect_err("refused").code
        };
        assert_eq!(code(|r| r.headers.truncate(2)), Code::MissingAuthenticationToken);
        assert_eq!(code(|r| r.headers[2].1 = "Bearer x".into()), Code::IncompleteSignature);
        assert_eq!(code(|r| r.headers[2].1 = r.headers[2].1.replace("Signature", "S")), Code::IncompleteSignature);
        assert_eq!(code(|r| r.headers[2].1 = r.headers[2].1.replace("/sts", "")), Code::IncompleteSignature);
        assert_eq!(code(|r| r.headers[2].1 = r.headers[2].1.replace("/sts", "/s3")), Code::SignatureDoesNotMatch);
        assert_eq!(code(|r| r.headers[2].1 = r.headers[2].1.replace("=host;", "=")), Code::SignatureDoesNotMatch);
        assert_eq!(code(|r| r.headers[1].1 = "2015-08-30".into()), Code::IncompleteSignature);
        assert_eq!(code(|r| drop(r.headers.remove(1))), Code::IncompleteSignature);
        assert_eq!(
            code(|r| r.headers.push(("x-amz-security-token".into(), "unsigned".into()))),
            Code::SignatureDoesNotMatch
        );
    }
}

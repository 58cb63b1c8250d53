//! Answers in AWS's XML, for the query protocol of STS and IAM.

use super::fault::Fault;

/// XML text in the making; whatever is put into it is escaped.
#[derive(Default)]
pub struct Xml(String);

impl Xml {
    /// Adds an element that holds text.
    #[must_use]
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.0.push_str(&format!("<{name}>"));
        for character in value.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                _ if is_forbidden(character) => self.0.push('\u{fffd}'),
                _ => self.0.push(character),
            }
        }
        self.0.push_str(&format!("</{name}>"));
        self
    }

    /// Adds an element that holds elements.
    #[must_use]
    pub fn element(mut self, name: &str, inner: &Xml) -> Self {
        self.0.push_str(&format!("<{name}>{}</{name}>", inner.0));
        self
    }

    /// Adds a list as AWS has it: one `member` each.
    #[must_use]
    pub fn list(self, name: &str, members: impl Iterator<Item = Xml>) -> Self {
        self.element(name, &members.fold(Xml::default(), |list, member| list.element("member", &member)))
    }
}

/// What XML 1.0 cannot hold, even escaped.
fn is_forbidden(character: char) -> bool {
    character.is_control() && !matches!(character, '\t' | '\n' | '\r')
}

/// The document of an operation that was done; `result` is `None` where AWS answers nothing but the id.
pub fn success(namespace: &str, operation: &str, result: Option<Xml>, request_id: &str) -> String {
    let inner = match result {
        Some(result) => Xml::default().element(&format!("{operation}Result"), &result),
        None => Xml::default(),
    };
    let inner = inner.element("ResponseMetadata", &Xml::default().text("RequestId", request_id));
    format!("<{operation}Response xmlns=\"{namespace}\">{}</{operation}Response>\n", inner.0)
}

/// The document of a refusal.
pub fn refusal(namespace: &str, fault: &Fault, request_id: &str) -> String {
    let at_fault = if fault.code.status() < 500 { "Sender" } else { "Receiver" };
    let error = Xml::default().text("Type", at_fault).text("Code", fault.code.as_str()).text("Message", &fault.message);
    let inner = Xml::default().element("Error", &error).text("RequestId", request_id);
    format!("<ErrorResponse xmlns=\"{namespace}\">{}</ErrorResponse>\n", inner.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::fault::Code;

    #[test]
    fn text_cannot_leave_its_element() {
        let fault = Fault::new(Code::AccessDenied, "</Message><Code>\u{1b}&");
        let document = refusal("urn:x", &fault, "id");
        assert!(document.contains("<Message>&lt;/Message&gt;&lt;Code&gt;\u{fffd}&amp;</Message>"), "{document}");
    }

    #[test]
    fn a_list_has_a_member_each() {
        let list = Xml::default().list("Users", ["a", "b"].iter().map(|name| Xml::default().text("UserName", name)));
        let document = success("urn:x", "ListUsers", Some(list), "7");
        assert_eq!(
            document,
            "<ListUsersResponse xmlns=\"urn:x\"><ListUsersResult><Users><member><UserName>a</UserName></member>\
             <member><UserName>b</UserName></member></Users></ListUsersResult>\
             <ResponseMetadata><RequestId>7</RequestId></ResponseMetadata></ListUsersResponse>\n"
        );
    }
}

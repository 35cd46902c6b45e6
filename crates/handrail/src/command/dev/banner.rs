//! What `handrail dev` says when everything runs: where it is, how to sign in, and requests to paste.

use std::net::SocketAddr;
use std::path::Path;

/// Who and whom the pasted requests are about.
pub(crate) struct Example {
    pub(crate) patient: String,
    pub(crate) unit: String,
    pub(crate) nurse: String,
    pub(crate) nurse_name: String,
    pub(crate) nurse_device: String,
    /// Who invites her.
    pub(crate) lead: String,
    pub(crate) stranger: String,
    pub(crate) stranger_name: String,
    pub(crate) stranger_unit: String,
    pub(crate) stranger_device: String,
}

/// Everything that is said.
pub(crate) struct Banner<'a> {
    pub(crate) hospital: String,
    pub(crate) base_url: &'a str,
    pub(crate) mllp: SocketAddr,
    pub(crate) data: &'a Path,
    pub(crate) temporary: bool,
    pub(crate) link: String,
    /// The code of a workstation, and the invitation of the nurse.
    pub(crate) bedside: (String, String),
    pub(crate) token: &'a str,
    pub(crate) example: Example,
    pub(crate) people: usize,
    pub(crate) patients: usize,
}

impl Banner<'_> {
    /// As text.
    pub(crate) fn text(&self) -> String {
        let Self { hospital, base_url, mllp, link, people, patients, example, .. } = self;
        let data = self.data.display();
        let fate = if self.temporary { "removed when you stop" } else { "kept" };
        let permit = self.request(&example.nurse, &example.nurse_device);
        let deny = self.request(&example.stranger, &example.stranger_device);
        let binary = std::env::current_exe().map_or_else(|_| "handrail".to_owned(), |path| path.display().to_string());
        format!(
            "
  Handrail dev · {hospital}, a synthetic hospital: {people} staff, {patients} patients, admitted, moved and discharged as you watch.
  Everything is made up, and listens on loopback only. Not for a real hospital.

  Console       {base_url}
  Sign in once  {link}
  Decisions     {base_url}/access/v1/evaluation   (AuthZEN 1.0)
  HL7 over MLLP {mllp}
  Data          {data}   ({fate})

  1. {nurse_name} is on shift in {unit} and looks after patient {patient}: permitted.

{permit}

  2. {stranger_name} works in {stranger_unit}: denied, with the reason, what would help, and who is accountable.

{deny}

  3. {nurse_name} signs in at the bedside: make this browser {device}, register a key for her (Chromium's developer tools have virtual
     ones: More tools, WebAuthn), and touch it.

     {code}
     {invitation}

  4. The ledger that proves it all:

{binary} ledger verify --data {data}

  Then: {binary} who ENTRY --data {data}   Stop with Ctrl-C.
",
            nurse_name = example.nurse_name,
            device = example.nurse_device,
            code = self.bedside.0,
            invitation = self.bedside.1,
            unit = example.unit,
            patient = example.patient,
            stranger_name = example.stranger_name,
            stranger_unit = example.stranger_unit,
        )
    }

    fn request(&self, who: &str, device: &str) -> String {
        let patient = &self.example.patient;
        format!(
            "curl -s {}/access/v1/evaluation -H 'Authorization: Bearer {}' -H 'Content-Type: application/json' -d '{{\n  \
             \"subject\": {{\"type\": \"user\", \"id\": \"{who}\"}}, \"action\": {{\"name\": \"read_chart\"}}, \
             \"resource\": {{\"type\": \"patient\", \"id\": \"{patient}\"}},\n  \
             \"context\": {{\"device\": \"{device}\", \"session\": {{\"level\": 2, \"age_minutes\": 1, \"method\": \"passkey\"}}, \"purpose\": \"TREAT\"}}}}'",
            self.base_url, self.token
        )
    }
}

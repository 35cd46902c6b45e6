//! Security keys and passkeys that a test plugs into the browser: Chromium's own virtual authenticators.

use serde_json::{Value, json};
use thirtyfour::prelude::*;

/// A virtual authenticator in one tab's browser. It goes with the browser.
pub(crate) struct Key {
    page: WebDriver,
    id: String,
}

impl Key {
    /// A security key with a PIN that its owner knows, plugged in.
    pub(crate) async fn usb(page: &WebDriver) -> Self {
        Self::new(page, json!({ "transport": "usb" })).await
    }

    /// A passkey that the machine keeps in somebody's account, and copies to their other machines.
    pub(crate) async fn synced(page: &WebDriver) -> Self {
        Self::new(
            page,
            json!({ "transport": "internal", "defaultBackupEligibility": true, "defaultBackupState": true }),
        )
        .await
    }

    async fn new(page: &WebDriver, differently: Value) -> Self {
        page.cdp().send_raw("WebAuthn.enable", json!({})).await.unwrap();
        let mut options = json!({
            "protocol": "ctap2", "ctap2Version": "ctap2_1", "hasResidentKey": true, "hasUserVerification": true,
            "isUserVerified": true, "automaticPresenceSimulation": true,
        });
        for (name, value) in differently.as_object().unwrap() {
            options[name] = value.clone();
        }
        let made =
            page.cdp().send_raw("WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await.unwrap();
        Self { page: page.clone(), id: made["authenticatorId"].as_str().unwrap().to_owned() }
    }

    async fn send(&self, command: &str, mut arguments: Value) -> Value {
        arguments["authenticatorId"] = self.id.as_str().into();
        self.page.cdp().send_raw(command, arguments).await.unwrap()
    }

    /// Whether its owner gives the PIN when asked.
    pub(crate) async fn verifies(&self, does: bool) {
        self.send("WebAuthn.setUserVerified", json!({ "isUserVerified": does })).await;
    }

    /// Whether its owner touches it when asked. Without it the browser waits.
    pub(crate) async fn touched(&self, is: bool) {
        self.send("WebAuthn.setAutomaticPresenceSimulation", json!({ "enabled": is })).await;
    }

    /// What it keeps: an object each, with `credentialId`, `userHandle` and `signCount`.
    pub(crate) async fn credentials(&self) -> Vec<Value> {
        let kept = self.send("WebAuthn.getCredentials", json!({})).await;
        kept["credentials"].as_array().unwrap().clone()
    }

    /// What somebody has who copied it long ago: all that it keeps, counting from `counter`.
    pub(crate) async fn becomes_a_copy(&self, counter: u32) {
        for mut credential in self.credentials().await {
            self.send("WebAuthn.removeCredential", json!({ "credentialId": credential["credentialId"] })).await;
            credential["signCount"] = counter.into();
            self.send("WebAuthn.addCredential", json!({ "credential": credential })).await;
        }
    }

    /// Pulls it out, to be plugged in elsewhere.
    pub(crate) async fn unplugged(self) -> Pocketed {
        let kept = Pocketed(self.credentials().await);
        self.pull_out().await;
        kept
    }

    /// Pulls it out. What it kept is gone.
    pub(crate) async fn pull_out(self) {
        self.send("WebAuthn.removeVirtualAuthenticator", json!({})).await;
    }
}

/// A security key in somebody's pocket.
pub(crate) struct Pocketed(Vec<Value>);

impl Pocketed {
    /// Plugs it in.
    pub(crate) async fn plugged_into(self, page: &WebDriver) -> Key {
        let key = Key::usb(page).await;
        for credential in self.0 {
            key.send("WebAuthn.addCredential", json!({ "credential": credential })).await;
        }
        key
    }
}

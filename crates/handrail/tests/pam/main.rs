//! The desktop of a workstation, for real: PAM asks, `pam_exec.so` runs the helper, the helper asks a node, and somebody touches a key.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod desktop;
mod ward;

use desktop::Desktop;
use ward::{Screen, Ward};

#[test]
fn a_desktop_unlocks_by_the_session_and_sudo_waits_for_a_touch() {
    let ward = Ward::open();
    let mut screen = Screen::enrolled(&ward, "ws-1");
    let mut key = screen.key_of(&ward, "n-amara");
    let desktop = Desktop::enrolled(&ward, "ws-1");
    let said = desktop.helper(&["status"]);
    assert!(said.contains("knows this machine as ws-1, ED"), "{said}");

    // `amara` is what the machine calls her; the roster calls her n-amara.
    let (let_in, said) = desktop.pam("gdm-password", "amara");
    assert!(!let_in && said.contains("not signed in"), "{said}");
    screen.touch("sign-in", &mut key);
    let (let_in, said) = desktop.pam("gdm-password", "amara");
    assert!(let_in, "{said}");
    for nobody in ["root", "n-bea"] {
        assert!(!desktop.pam("gdm-password", nobody).0, "{nobody}");
    }

    let waiting = desktop.pam_begins("sudo", "amara");
    screen.opens_until("waits for your touch");
    screen.touch("step-up", &mut key);
    let (let_in, said) = waiting.ends();
    assert!(let_in && said.contains("Touch your key"), "{said}");

    desktop.waits_for(1);
    let (let_in, said) = desktop.pam("sudo", "amara");
    assert!(!let_in && said.contains("Nobody touched a key in time"), "{said}");

    // Her badge is taken from the reader, and the reader's rule says so.
    assert!(desktop.helper(&["badge-away"]).contains("The screen is locked."));
    let (let_in, said) = desktop.pam("gdm-password", "amara");
    assert!(!let_in && said.contains("is locked"), "{said}");
    assert!(desktop.helper(&["badge-away"]).contains("Nothing was open here"));
    screen.touch("sign-in", &mut key);
    screen.locks();
    for service in ["gdm-password", "sudo"] {
        let (let_in, said) = desktop.pam(service, "amara");
        assert!(!let_in && said.contains("is locked"), "{service}: {said}");
    }
    let recorded: Vec<_> = ward.attempts().into_iter().filter(|detail| detail.starts_with("desktop")).collect();
    let wanted = [
        "desktop_unlock_not_signed_in",
        "desktop_unlock",
        "desktop_unlock_nobody",
        "desktop_unlock_not_signed_in",
        "desktop_sudo",
        "desktop_sudo_no_touch",
        "desktop_unlock_locked",
        "desktop_unlock_locked",
        "desktop_sudo_locked",
    ];
    assert_eq!(recorded, wanted);

    // The workstation is withdrawn, and then the node is gone: nobody gets in, and it says why.
    ward.handrail(&["workstation", "withdraw", "ws-1"]);
    let (let_in, said) = desktop.pam("gdm-password", "amara");
    assert!(!let_in && said.contains("could not prove which one it is"), "{said}");
    drop(ward);
    let (let_in, said) = desktop.pam("gdm-password", "amara");
    assert!(!let_in && said.contains("cannot be reached"), "{said}");
}

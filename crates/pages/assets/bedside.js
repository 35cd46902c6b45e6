// The one script of bedside pages: the workstation's key, and asking an authenticator. It enhances what is marked; what it says to
// people stands in the page. Served without these comment lines; every comment has a line of its own, which the server relies on.
//
// On <body>:
//   data-renew="URL"       The page needs a fresh cookie. Every 40 s while visible, on becoming visible, and before a form is sent with
//                          an older one, URL gets {device, nonce, signature, idle_s}: ECDSA P-256 with SHA-256, r then s, base64url, over
//                          "handrail workstation proof" NUL device NUL location.origin NUL nonce. Without a nonce that is still good the
//                          first request has none and no signature. Answers: {renewed, nonce} with the next nonce (renewed false: prove
//                          again with this one), and the common ones below.
//   data-nonce="TEXT"      A first nonce. data-age="SECONDS": how old the cookie was when the page was made; absent, it is renewed at once.
//   data-renew-now         Nothing is shown yet: prove, then submit form[data-resume] if there is one, else load this address again.
//   data-usable="URL"      The page that somebody wanted: URL gets {elapsed_ms, interactions, step} since the first touch of a ceremony; step is
//                          what its answer called it, or else its name, and absent where it was none of ours.
// On a form:
//   data-enrol="DEVICE"    Makes the key of this workstation, which does not leave the browser, and posts the form's fields with x and y.
//   data-ceremony="NAME"   Asks data-options="URL" with the form's fields for {publicKey}, the authenticator for its answer (created where
//                          the options have a user, else got), and sends data-result="URL" the fields with {ceremony, credential,
//                          elapsed_ms, interactions}. What fails is told data-attempt="URL": {ceremony, outcome, elapsed_ms, interactions}
//                          with outcome cancelled, timed_out, already_registered, unsupported, wrong_address, network or failed.
//   data-browser-key       With data-ceremony: this is no enrolled workstation, so the result has the browser's own key as x and y.
//   data-start             The ceremony starts without a touch, once the page is looked at.
//   data-keep              Half-filled, it survives a lock: it is sent to the lock's address with its own in `kept_action`.
//   data-go-on             Sends itself: what somebody did before they had to touch.
//   data-resume            The sealed form to send on after a proof.
// On an element:
//   data-again="SECONDS"   So often the page is asked for again, and this part of it replaced. It is not shown while there is no answer, and a
//                          page that has no such part any more is loaded.
// Words: <template data-words="OUTCOME"> (and "no_key", "not_renewed"), one a page, shown in [data-say] of the form, else of the page;
// "CEREMONY-OUTCOME" goes before.
// Answers to everything, as JSON: {go: PATH} goes there, {resume: true} submits form[data-resume], {lock: PATH} keeps what is half-filled
// and goes there, {say: TEXT} is shown and read out, {start: NAME} starts that ceremony of the page. Focus stays where it is.
"use strict";
(() => {
  const FRESH_MS = 40000, NONCE_MS = 45000, BEAT_MS = 5000, PAUSE_MS = 30000;
  const page = document.body.dataset;
  const find = (query, root = document) => root.querySelector(query);
  const now = () => performance.timeOrigin + performance.now();
  const enc = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  // Measuring: from the first touch to the page that was wanted, over pages of this tab.
  const TOUCHED = "handrail-touched";
  let lastInput = now();
  const touched = () => JSON.parse(sessionStorage.getItem(TOUCHED) || "null");
  const keep = (what) => sessionStorage.setItem(TOUCHED, JSON.stringify(what));
  const touch = (event) => {
    lastInput = now();
    const writes = event.target.matches?.("textarea, [type=text]");
    if (event.type === "keydown" && event.key !== "Enter" && (writes || event.key !== " ")) return;
    let first = touched();
    if (!first || lastInput - first.last > PAUSE_MS) first = { at: lastInput, count: 0 };
    keep({ ...first, last: lastInput, count: first.count + 1 });
  };
  const measured = () => {
    const first = touched();
    return first ? { elapsed_ms: Math.round(now() - first.at), interactions: first.count, step: first.step } : {};
  };

  // Talking to the node, and doing what it says.
  const post = async (url, what) => {
    const response = await fetch(url, {
      method: "POST", keepalive: true, headers: { "content-type": "application/json" }, body: JSON.stringify(what),
    });
    return response.json();
  };
  const say = (text, root) => {
    const place = (root && find("[data-say]", root)) || find("[data-say]");
    if (place) place.textContent = text;
  };
  const words = (name, root) => {
    const at = (key) => find(`template[data-words="${key}"]`);
    say((at(`${root?.dataset.ceremony}-${name}`) || at(name))?.content.textContent ?? "", root);
  };
  const go = (path) => {
    const url = new URL(path, location.href);
    if (url.origin === location.origin) location.assign(url);
  };
  const lock = (path) => {
    const form = find("form[data-keep]");
    if (!form) return go(path);
    const kept = document.createElement("input");
    Object.assign(kept, { type: "hidden", name: "kept_action", value: form.getAttribute("action") || location.pathname });
    form.append(kept);
    form.action = path;
    form.method = "post";
    form.submit();
  };
  const follow = (answer, root) => {
    const resume = find("form[data-resume]");
    if (answer.say) say(answer.say, root);
    if (answer.start) find(`form[data-ceremony="${answer.start}"]`)?.requestSubmit();
    if (answer.lock) lock(answer.lock);
    else if (answer.resume && resume) resume.submit();
    else if (answer.go) go(answer.go);
    else return false;
    return true;
  };

  // The workstation's key: made here, kept by the browser, never readable.
  const store = (mode, act) => new Promise((done, failed) => {
    const opening = indexedDB.open("handrail", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
    opening.onerror = () => failed(opening.error);
    opening.onsuccess = () => {
      const all = opening.result.transaction("keys", mode);
      const asked = act(all.objectStore("keys"));
      all.oncomplete = () => { opening.result.close(); done(asked.result); };
      all.onabort = all.onerror = () => failed(all.error);
    };
  });
  const make = async (device) => {
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
    const { x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
    return { device, key: pair.privateKey, x, y };
  };
  // A browser that is no enrolled workstation has a key of its own, and says which with the ceremony that begins a session.
  const own = async () => {
    const kept = await store("readonly", (keys) => keys.get("this"));
    if (kept?.device === "browser") return kept;
    if (kept) { page.renew ||= "/bedside/renew"; if (await renew()) location.reload(); throw new DOMException("", "AbortError"); }
    const mine = await make("browser");
    await store("readwrite", (keys) => keys.put(mine, "this"));
    return mine;
  };
  const enrol = async (form) => {
    const mine = await make(form.dataset.enrol), { x, y } = mine;
    // Kept before it is told, so that no workstation is enrolled with a key that is gone; the old one counts until then.
    await store("readwrite", (keys) => keys.put(mine, "new"));
    const answer = await post(form.action, { ...fields(form), x, y });
    if (answer.go) await store("readwrite", (keys) => { keys.delete("new"); return keys.put(mine, "this"); });
    return follow(answer, form);
  };

  let nonce = page.nonce, nonceAt = now(), renewedAt = "age" in page ? now() - page.age * 1000 : -Infinity, renewing = null;
  const prove = async () => {
    const mine = await store("readonly", (keys) => keys.get("this"));
    if (!mine) { words("no_key"); return false; }
    for (let tries = 0; tries < 3; tries += 1) {
      const idle_s = Math.round((now() - lastInput) / 1000);
      const proof = { device: mine.device, idle_s };
      if (nonce && now() - nonceAt < NONCE_MS) {
        const text = ["handrail workstation proof", mine.device, location.origin, nonce].join("\0");
        const how = { name: "ECDSA", hash: "SHA-256" };
        Object.assign(proof, { nonce, signature: enc(await crypto.subtle.sign(how, mine.key, new TextEncoder().encode(text))) });
      }
      const asked = now(), answer = await post(page.renew, proof);
      nonce = answer.nonce;
      nonceAt = asked;
      if (follow(answer)) return false;
      if (answer.renewed) { renewedAt = asked; return true; }
      if (!nonce) break;
    }
    return false;
  };
  const renew = () => (renewing ||= prove().catch(() => false).finally(() => { renewing = null; }));
  const stale = () => "renew" in page && now() - renewedAt >= FRESH_MS;
  const renewIfSeen = () => { if (stale() && document.visibilityState === "visible") renew(); };
  const renewNow = async () => {
    const AGAIN = "handrail-again", last = Number(sessionStorage.getItem(AGAIN));
    if (!(await renew())) return find("[data-say]")?.textContent || words("not_renewed");
    const resume = find("form[data-resume]");
    if (resume) return resume.submit();
    // A page that wants it again at once would go on for ever.
    if (now() - last < 5000) return words("not_renewed");
    sessionStorage.setItem(AGAIN, now());
    location.reload();
  };

  // Ceremonies, one at a time.
  let running = null;
  const fields = (form) => Object.fromEntries([...new FormData(form)].filter(([, value]) => typeof value === "string"));
  const outcomes = { InvalidStateError: "already_registered", NotSupportedError: "unsupported", SecurityError: "wrong_address", TypeError: "network" };
  const ceremony = async (form) => {
    running?.abort();
    const mine = running = new AbortController(), { ceremony: name, options, result, attempt } = form.dataset;
    let asked = 0, wait = Infinity;
    say("", form);
    try {
      if (stale()) await renew();
      const { x, y } = "browserKey" in form.dataset ? await own() : {};
      const answer = await post(options, fields(form));
      if (!answer.publicKey) return follow(answer, form);
      const makes = Boolean(answer.publicKey.user), reads = makes ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
      if (!window.PublicKeyCredential?.[reads]) throw new DOMException("", "NotSupportedError");
      const publicKey = PublicKeyCredential[reads](answer.publicKey), signal = mine.signal;
      asked = now();
      wait = publicKey.timeout || Infinity;
      const credential = await navigator.credentials[makes ? "create" : "get"]({ publicKey, signal });
      const got = await post(result, { ...fields(form), x, y, ceremony: name, credential: credential.toJSON(), ...measured() });
      if (touched()) keep({ ...touched(), step: got.step || name });
      return follow(got, form);
    } catch (error) {
      if (mine.signal.aborted) return false;
      const late = now() - asked > wait * 0.95;
      const outcome = error.name === "NotAllowedError" ? (late ? "timed_out" : "cancelled") : outcomes[error.name] || "failed";
      words(outcome, form);
      if (attempt && touched()) post(attempt, { ...fields(form), ceremony: name, outcome, ...measured() }).catch(() => {});
      return false;
    } finally {
      if (running === mine) running = null;
    }
  };

  // A form is sent once, with a fresh cookie.
  const busy = (form, is) => { form.toggleAttribute("data-busy", is); form.setAttribute("aria-busy", is); };
  const passed = new WeakSet();
  addEventListener("submit", async (event) => {
    const form = event.target, { enrol: device, ceremony: name } = form.dataset;
    if (passed.delete(form)) return busy(form, true);
    if ("busy" in form.dataset) return event.preventDefault();
    if (!device && !name && !stale()) return busy(form, true);
    event.preventDefault();
    busy(form, true);
    let gone = false;
    if (name) gone = await ceremony(form);
    else if (device) gone = await enrol(form).catch(() => words("failed", form));
    else {
      await renew();
      passed.add(form);
      form.requestSubmit(event.submitter);
      return;
    }
    if (!gone) busy(form, false);
  });
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, touch, { capture: true, passive: true });
  addEventListener("pagehide", () => running?.abort());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  document.addEventListener("visibilitychange", renewIfSeen);
  // What one tab does, such as lock, the others hear at once, and ask how they stand.
  const tabs = new BroadcastChannel("handrail");
  tabs.onmessage = () => { renewedAt = -Infinity; renewIfSeen(); };
  tabs.postMessage(0);
  if ("renewNow" in page) renewNow();
  else if ("renew" in page) { renewIfSeen(); setInterval(renewIfSeen, BEAT_MS); }
  if (page.usable && touched()) post(page.usable, measured()).catch(() => {});
  // What goes on by itself is measured from the touch that led to it, on the page before; whoever locked comes back with a touch of its own.
  if (!find("[data-start], [data-resume], [data-go-on]") && !("renewNow" in page)) sessionStorage.removeItem(TOUCHED);
  const again = async () => {
    const shown = find("[data-again]");
    try {
      const answer = await fetch(location.href), other = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = find("[data-again]", other);
      if (!next) return location.reload();
      history.replaceState(null, "", answer.url);
      shown.replaceWith(next);
      say("");
    } catch {
      shown.hidden = true;
      words("network");
    }
  };
  const every = find("[data-again]")?.dataset.again;
  if (every) setInterval(again, every * 1000);
  const starting = find("form[data-start]");
  const start = () => { if (document.hasFocus()) starting.requestSubmit(); else addEventListener("focus", start, { once: true }); };
  if (starting) start();
  find("form[data-go-on]")?.requestSubmit();
})();
